//! The page, in a real browser: everything on it is found and works, by mouse and by keyboard; nothing is loaded, nothing that a
//! container wrote is run, and a large one opens at once.

#![expect(clippy::disallowed_methods, reason = "the driver of the browser is a process")]

mod driver;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use driver::Browser;
use fantoccini::key::Key;
use seaworthy::model::{
    Answer, CheckRecord, Endpoint, ExperimentRecord, Fact, FactId, Finding, LogStream, Observation, Run, ScenarioLine, Sight,
    Verdict,
};
use seaworthy::report::to_html;
use tempfile::TempDir;

const HOSTILE: &str = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>";
/// A page of that size opens in less, counted as work of the page, because other tests and programs take their share of the time.
const OPEN_LIMIT_MS: f64 = 1_000.0;

fn saved(name: &str) -> Run {
    let file = format!("{}/tests/fixtures/runs/{name}.json", env!("CARGO_MANIFEST_DIR"));
    Run::read(&fs::read(file).expect("there")).expect("a run")
}

fn page(run: &Run) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report.html");
    fs::write(&file, to_html(run)).expect("written");
    (folder, file)
}

async fn assert_quiet(browser: &Browser) {
    let console = browser.console().await;
    assert!(console.is_empty(), "{console:#?}");
    let requests: Vec<String> = browser.requests().await.into_iter().filter(|url| !url.starts_with("data:")).collect();
    assert!(!requests.is_empty() && requests.iter().all(|url| url.ends_with("/report.html")), "{requests:#?}");
}

#[tokio::test]
async fn everything_is_found_by_mouse_and_by_keyboard() {
    let run = saved("failed");
    let (_folder, file) = page(&run);
    let browser = Browser::open(1280, 1000).await;
    browser.goto(&file).await;

    for check in &run.checks {
        let here = format!("document.getElementById('{}')", check.name());
        assert!(browser.text(&format!("{here}.textContent")).await.contains(&check.title), "{}", check.name());
        assert_eq!(browser.value(&format!("{here}.open")).await, check.verdict == Verdict::Failed, "{}", check.name());
    }
    let failed = "document.querySelector('.check.failed')";

    // Pointing at what was seen tells it.
    let middle = |element: &str| {
        let part = |axis: &str, size: &str| {
            format!("(() => {{ const r = {element}.getBoundingClientRect(); return r.{axis} + r.{size} / 2 }})()")
        };
        (part("left", "width"), part("top", "height"))
    };
    browser.value(&format!("{failed}.scrollIntoView()")).await;
    browser.until(&format!("{failed}.querySelector('rect.item.bad') !== null")).await;
    // The widest one: others may be narrower than the pointer is exact.
    let bad = format!(
        "[...{failed}.querySelectorAll('rect.item.bad')].sort((a, b) => b.getBoundingClientRect().width - a.getBoundingClientRect().width)[0]"
    );
    browser.value(&format!("{bad}.scrollIntoView({{ block: 'center' }})")).await;
    let (x, y) = middle(&bad);
    browser.mouse(&[(browser.number(&x).await, browser.number(&y).await)]).await.expect("pointed");
    let told = browser.text(&format!("{failed}.querySelector('.told').textContent")).await;
    assert!(told.contains(" s"), "{told}");

    // Dragging zooms in, the button out of it again.
    let span = format!("(() => {{ const d = {failed}.querySelector('figure').dataset; return d.to - d.from }})()");
    let whole = browser.number(&span).await;
    let chart = |share: f64| {
        format!(
            "(() => {{ const r = {failed}.querySelector('svg').getBoundingClientRect(); return r.left + r.width * {share} }})()"
        )
    };
    let height = browser.number(&format!("{failed}.querySelector('svg').getBoundingClientRect().top + 8")).await;
    let (from, to) = (browser.number(&chart(0.4)).await, browser.number(&chart(0.6)).await);
    browser.mouse(&[(from, height), (f64::midpoint(from, to), height), (to, height)]).await.expect("dragged");
    let dragged = browser.number(&span).await;
    assert!(dragged < whole * 0.4, "{dragged} of {whole}");
    browser.value(&format!("{failed}.querySelector('[data-zoom=all]').click()")).await;
    assert!((browser.number(&span).await - whole).abs() < 1.0);

    // Filters.
    let shown = "[...document.querySelectorAll('.check')].filter((check) => check.offsetParent !== null).length";
    let choose = |field: &str, value: &str| {
        format!(
            "(() => {{ const f = document.getElementById('{field}'); f.value = '{value}'; f.dispatchEvent(new Event('change')); f.dispatchEvent(new Event('input')) }})()"
        )
    };
    for (field, value, count) in
        [("verdict", "failed", 1.0), ("verdict", "", 5.0), ("topic", "shutdown", 2.0), ("topic", "", 5.0)]
    {
        browser.value(&choose(field, value)).await;
        assert!((browser.number(shown).await - count).abs() < 0.1, "{field} {value}");
    }
    browser.value(&choose("text", "which does not pass the signal on")).await;
    assert!((browser.number(shown).await - 2.0).abs() < 0.1);
    browser.value(&choose("text", "")).await;

    // From field to field, to a check, and into its drawing.
    browser.value("document.activeElement.blur()").await;
    let mut visited = vec![];
    for _ in 0..40 {
        let active = browser.client.active_element().await.expect("something has the focus");
        active.send_keys(&Key::Tab.to_string()).await.expect("pressed");
        let now = browser.text("document.activeElement.id || document.activeElement.tagName.toLowerCase()").await;
        visited.push(now.clone());
        if now == "svg" {
            break;
        }
    }
    for field in ["text", "topic", "verdict", "severity", "summary", "button", "svg"] {
        assert!(visited.iter().any(|one| one == field), "{field} is not reached: {visited:?}");
    }
    let chart = browser.client.active_element().await.expect("the drawing");
    let told = "document.activeElement.parentElement.querySelector('.told').textContent";
    let mut heard = vec![];
    for key in [Key::Right, Key::Down, Key::Right] {
        chart.send_keys(&key.to_string()).await.expect("pressed");
        heard.push(browser.text(told).await);
    }
    assert!(heard.windows(2).all(|pair| pair[0] != pair[1] && !pair[1].is_empty()), "{heard:?}");
    let span = "(() => { const d = document.activeElement.closest('figure').dataset; return d.to - d.from })()";
    let before = browser.number(span).await;
    chart.send_keys("+").await.expect("pressed");
    assert!(browser.number(span).await < before * 0.6);

    assert_quiet(&browser).await;
}

#[tokio::test]
async fn what_containers_wrote_stays_text_and_phones_can_read_it() {
    let mut run = saved("failed");
    run.subject.stack = HOSTILE.into();
    run.notes.push(HOSTILE.into());
    for check in &mut run.checks {
        (check.title, check.why, check.fix) = (HOSTILE.into(), HOSTILE.into(), HOSTILE.into());
        (check.finding, check.reason) = (Some(Finding::new(HOSTILE, HOSTILE, vec![])), Some(HOSTILE.into()));
        check.dependency = check.dependency.as_ref().map(|_| HOSTILE.into());
    }
    for experiment in &mut run.experiments {
        let at = experiment.timeline.last().map(|observation| observation.at).unwrap_or_default();
        let step = ScenarioLine { text: HOSTILE.into(), ..ScenarioLine::default() };
        let facts = [
            log(HOSTILE),
            Fact::Blind { what: HOSTILE.into(), sight: Sight::Everything },
            Fact::Step { line: step, check: None },
        ];
        experiment.timeline.extend(facts.map(|fact| Observation { id: FactId::default(), at, fact }));
    }
    let (_folder, file) = page(&run);
    let browser = Browser::open(390, 844).await;
    browser.goto(&file).await;
    browser.value("document.querySelectorAll('details').forEach((one) => { one.open = true })").await;
    assert_eq!(browser.value("typeof window.hacked").await, "undefined");
    assert!(browser.text("document.querySelector('pre').textContent").await.contains(HOSTILE));
    assert_eq!(browser.value("document.images.length").await, 0);
    let (wide, window) =
        (browser.number("document.documentElement.scrollWidth").await, browser.number("window.innerWidth").await);
    assert!(wide <= window, "the page is {wide} wide in a window of {window}");
    assert_quiet(&browser).await;
    // Were something let through after all, the policy would stop it.
    browser
        .value(
            "document.body.insertAdjacentHTML('beforeend', '<img src=\"http://127.0.0.1:9/x\" onerror=\"window.hacked = 3\">')",
        )
        .await;
    browser.value("(() => { const s = document.createElement('script'); s.textContent = 'window.hacked = 4'; document.body.append(s) })()").await;
    assert_eq!(browser.value("typeof window.hacked").await, "undefined");
    let refused = browser.console().await;
    assert!(
        refused.iter().filter(|entry| entry["message"].to_string().contains("Content Security Policy")).count() >= 2,
        "{refused:#?}"
    );
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "a figure, shown with `--nocapture`")]
async fn a_hundred_checks_with_two_hundred_thousand_observations_open_at_once() {
    let mut run = saved("failed");
    let like = run.checks.iter().find(|check| check.verdict == Verdict::Failed).expect("one").clone();
    (run.checks, run.experiments) = (0..100).map(|number| long(&like, number)).unzip();
    assert_eq!(run.experiments.iter().map(|experiment| experiment.timeline.len()).sum::<usize>(), 200_000);
    let (_folder, file) = page(&run);
    let browser = Browser::open(1280, 1000).await;
    browser.count_work().await;
    browser.goto(&file).await;
    let took = browser.number("performance.getEntriesByType('navigation')[0].loadEventEnd").await;
    let figure = |which: i32| format!("[...document.querySelectorAll('figure')].at({which}).dataset.drawn === 'yes'");
    browser.until(&figure(0)).await;
    let work = browser.work().await;
    println!("opened in {took:.0} ms, {work:.0} ms of work, {} KiB", fs::metadata(&file).expect("there").len() / 1024);
    assert!(work < OPEN_LIMIT_MS, "{work} ms");
    assert_eq!(browser.value(&figure(-1)).await, false, "far from the window nothing is drawn yet");
    browser.value("[...document.querySelectorAll('figure')].at(-1).scrollIntoView()").await;
    browser.until(&figure(-1)).await;
    assert_quiet(&browser).await;
}

/// A check in whose 2,000 observations something changes all the time.
fn long(like: &CheckRecord, number: usize) -> (CheckRecord, ExperimentRecord) {
    let timeline = (0..2_000_u32).map(|id| {
        let index = u64::from(id);
        let at = Duration::from_millis(index * 10);
        let fact = match index % 4 {
            0 => log(&format!("line {index} of a log that has much to say")),
            1 => probe(Endpoint::Liveness, at, 200),
            _ => probe(Endpoint::Readiness, at, if index / 40 % 2 == 0 { 200 } else { 503 }),
        };
        Observation { id: FactId(id), at, fact }
    });
    let id = format!("shutdown.long-{number}");
    let experiment = ExperimentRecord { app: None, name: id.clone(), timeline: timeline.collect() };
    (CheckRecord { id, experiment: Some(number), ..like.clone() }, experiment)
}

fn log(line: &str) -> Fact {
    Fact::Log { service: "app".into(), stream: LogStream::Stdout, line: line.into(), is_cut: false }
}

fn probe(endpoint: Endpoint, sent: Duration, status: u16) -> Fact {
    Fact::Probe { endpoint, sent, answer: Answer::Status(status), body: None }
}
