//! Any image: no compose file, and nothing of ours inside.

use std::fs;
use std::process::Command;

use crate::harness::{Test, tests};
use crate::{docker, engine, run, seaworthy, shown};

pub(crate) const TESTS: &[Test] = tests! {
    when engine::is_there: [
        a_foreign_image_gets_the_verdicts_that_it_deserves,
        an_image_in_an_archive_is_checked_and_keeps_its_name_to_itself,
        an_archive_that_is_no_image_for_this_machine_is_told,
        an_image_that_is_not_there_is_told,
    ],
};

/// Builds the foreign image and returns its name.
fn foreign_image(what_for: &str) -> String {
    let name = format!("seaworthy-test-perl:{what_for}-{}", std::process::id());
    docker(&["build", "--quiet", "--tag", &name, "tests/fixtures/perl-image"]);
    name
}

/// Checks that such a small server can pass.
const TAGS: &str = "@readiness.not-before-database or @retry.late-database or @shutdown.in-time or @outage.killed or \
                    @outage.recovers or @nonroot.processes";

struct Image(String);

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["image", "rm", &self.0]).output();
    }
}

fn a_foreign_image_gets_the_verdicts_that_it_deserves() {
    let image = Image(foreign_image("built"));
    let folder = tempfile::tempdir().expect("a folder");
    let [json, yaml, env] = ["run.json", "stack.yaml", "more.env"].map(|name| folder.path().join(name).display().to_string());
    fs::write(&env, "GREETING=ahoy from a file\n").expect("written");

    // It needs nothing: what is about a dependency does not apply.
    let alone = ["check", "--image", &image.0, "--readiness", "/", "--env", "GREETING=ahoy $5", "--tags", TAGS];
    let (output, left) = run(seaworthy(&alone));
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert!(shown(&output).contains(": 2 passed; 4 not applicable"), "{}", shown(&output));
    assert_eq!(left, Vec::<String>::new());

    // With a database beside it, it claims to be ready without ever having looked.
    let with_database = [
        "check",
        "--image",
        &image.0,
        "--with",
        "postgres",
        "--readiness",
        "/",
        "--env-file",
        &env,
        "--json",
        &json,
        "--tags",
        TAGS,
    ];
    let (output, left) = run(seaworthy(&[&with_database[..], &["--write-compose", &yaml]].concat()));
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert_eq!(left, Vec::<String>::new());
    let read: seaworthy::model::Run = serde_json::from_str(&fs::read_to_string(json).expect("written")).expect("a run");
    let failed: Vec<String> = read
        .verdicts()
        .into_iter()
        .filter(|(_, verdict)| *verdict != seaworthy::model::Verdict::Passed)
        .map(|(name, _)| name)
        .collect();
    let expected =
        ["outage.killed[postgres]", "outage.recovers[postgres]", "readiness.not-before-database", "retry.late-database"];
    assert_eq!(failed, expected, "{}", shown(&output));

    // The stack that was used can be kept, and gives the same plan.
    let (output, _) = run(seaworthy(&["plan", &yaml]));
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert!(shown(&output).contains(&format!("  app: {}, after postgres", image.0)), "{}", shown(&output));
}

fn an_image_in_an_archive_is_checked_and_keeps_its_name_to_itself() {
    let image = Image(foreign_image("archived"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let [saved, oci] = [file("saved.tar"), file("oci.tar")];
    let (_, tag) = image.0.split_once(':').expect("a tag");
    docker(&["save", "--output", &saved, &image.0]);
    docker(&["image", "rm", &image.0]);
    // Today's archives are an OCI layout, and Docker's manifest beside it.
    let layout = folder.path().join("layout");
    tar::Archive::new(fs::File::open(&saved).expect("saved")).unpack(&layout).expect("unpacked");
    fs::remove_file(layout.join("manifest.json")).expect("there");
    let mut archive = tar::Builder::new(fs::File::create(&oci).expect("writable"));
    archive.append_dir_all(".", &layout).and_then(|()| archive.finish()).expect("written");
    let zipped = Command::new("gzip").arg(&saved).status().expect("gzip runs");
    assert!(zipped.success());

    for archive in [format!("{saved}.gz"), oci] {
        let (output, left) =
            run(seaworthy(&["check", "--archive", &archive, "--readiness", "/", "--env", "GREETING=ahoy", "--tags", TAGS]));
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
        assert!(shown(&output).contains(": 2 passed; 4 not applicable"), "{}", shown(&output));
        assert_eq!(left, Vec::<String>::new());
        assert!(!docker(&["image", "ls"]).contains(tag), "the name in the archive is not loaded");
    }
}

fn an_archive_that_is_no_image_for_this_machine_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = r#"{"os": "linux", "architecture": "s390x", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}"#;
    let manifest = r#"[{"Config": "c.json", "RepoTags": null, "Layers": ["1.tar"]}]"#;
    let archives: [(&str, Vec<u8>, &str); 5] = [
        ("text", b"hello".into(), "is not an image: it is no archive (tar, gzip or zstd)"),
        ("other", tar(&[("Makefile", "all:")]), "is not an image: it has no manifest.json or index.json"),
        ("lacking", tar(&[("c.json", config), ("manifest.json", manifest)]), "is not made for linux/"),
        (
            "broken",
            tar(&[("c.json", "{}"), ("1.tar", "\u{1f}\u{0}"), ("manifest.json", manifest)]),
            "the layer 1.tar of the image is damaged: it is no archive",
        ),
        (
            "cut",
            tar(&[("c.json", config), ("manifest.json", manifest)])[..700].into(),
            "the archive of the image ends in the middle",
        ),
    ];
    for (name, content, message) in archives {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("written");
        let (output, left) =
            run(seaworthy(&["check", "--archive", &path.display().to_string(), "--readiness", "/", "--port", "80"]));
        assert_eq!(output.status.code(), Some(2), "{name}: {}", shown(&output));
        assert!(shown(&output).contains(message), "{name}: {}", shown(&output));
        assert_eq!(left, Vec::<String>::new());
    }
}

fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(vec![]);
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, path, content.as_bytes()).expect("fits in memory");
    }
    archive.into_inner().expect("fits in memory")
}

fn an_image_that_is_not_there_is_told() {
    let (output, left) =
        run(seaworthy(&["check", "--image", "registry.invalid/nobody/nothing:1", "--readiness", "/", "--port", "80"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(
        shown(&output).contains("is not on the engine and can't be pulled: registry.invalid/nobody/nothing:1"),
        "{}",
        shown(&output)
    );
    assert_eq!(left, Vec::<String>::new());
}
