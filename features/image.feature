@image
Feature: The image is what operators expect

  @image.healthcheck @must @static
  Scenario: The app has a health check
    Without one the engine knows only whether a process runs. Compose can't wait for it, Swarm can't replace it, and nobody sees that it hangs.

    To fix: declare HEALTHCHECK in the Dockerfile, or `healthcheck:` in the compose file, that asks the readiness endpoint.

    Then the app has a health check

  @image.healthcheck-can-fail @must @needs-healthcheck
  Scenario: The health check fails on an app that hangs
    A health check that can't fail is worse than none, because it says that all is well. `|| true` and `exit 0` are common ways to get a build green. The first failure counts here; image.healthcheck-timing judges the number of retries.

    To fix: let the health check ask the app over the network, with a timeout, and end with its failure.

    Given the health check of the app runs every second, with its own timeout
    And the stack is ready
    When the app is suspended by SIGSTOP
    Then the engine calls the app unhealthy within 90 seconds

  @image.labels @should @static
  Scenario: The image says what it is and where it came from
    Whoever finds a running image at three in the morning has to find its source and its revision. Scanners and update tools read the same labels.

    To fix: set the labels org.opencontainers.image.title, .version, .source and .revision, in the Dockerfile or by the pipeline.

    Then the image says what it is and where it came from

  @image.no-secrets-in-config @must @static
  Scenario: The image's settings hold no secret
    Whoever can pull an image can read its environment, its labels and its command line. A secret in there is public, in every registry and every cache that has ever held the image.

    To fix: take it out of the Dockerfile and give it at run time (environment, secret files); rotate the secret, because this one is exposed.

    Then the environment, labels and command line of the image hold no secret

  @image.no-secrets-in-history @must @static
  Scenario: The image's history shows no secret
    A build argument and the text of every RUN instruction stay in the image's history, which `docker history` shows to everybody.

    To fix: pass secrets to a build with `RUN --mount=type=secret`, which leaves no trace; rotate the secret, because this one is exposed.

    Then the history of the image shows no secret

  @image.no-secret-files @must @static
  Scenario: No file of the image holds a secret
    A file that a later layer deletes is still in the layer below, and everybody who can pull the image can read it.

    To fix: keep the file out of the build context by .dockerignore; use `RUN --mount=type=secret` where a build needs it; let the container fetch or generate at startup what a build step writes into a configuration file; rotate the secret, because this one is exposed.

    Then no layer of the image has a file with a secret

  @image.no-compilers @must @static
  Scenario: The image has no compiler
    At run time a compiler helps only an attacker. It also makes the image larger and its list of known vulnerabilities longer.

    To fix: build in a stage of its own, and copy only the result into the stage that runs ("COPY --from=builder").

    Then nothing in the image compiles or builds

  @image.no-package-managers @should @static
  Scenario: The image has no package manager that the app could use
    With one, an attacker installs tools in one command. Nothing should be installed at run time: an image that changes after its build is not the one that was tested. The distribution's own package manager counts only if the app runs as root, because nobody else can use it.

    To fix: install in a build stage and copy the result; or remove them at the end ("pip uninstall pip", "rm -rf /usr/local/lib/node_modules/npm").

    Then nothing in the image installs packages

  @image.no-caches @should @static
  Scenario: The image carries no caches
    Caches of an installation are shipped to every machine that runs the image, and are never used again. What the base image brings does not count.

    To fix: clean up in the same RUN instruction ("rm -rf /var/lib/apt/lists/*"), install with --no-cache-dir or --no-cache, or use `RUN --mount=type=cache`.

    Then no caches are left in the image

  @image.no-waste @should @static
  Scenario: Later layers overwrite or delete little of the image
    What a later layer deletes, replaces or gives another owner is still stored, pulled and unpacked, for nothing.

    To fix: delete in the instruction that creates; give files their owner and mode while copying ("COPY --chown --chmod"), not by a RUN after it.

    Then later layers of the image overwrite and delete little

  @image.size @should @static @needs-size-limit
  Scenario: The image is no larger than its limit
    A large image starts late on every new machine, and that is when a service is needed most. A limit makes growth a decision.

    To fix: use a smaller base, leave out what only the build needs, or raise `image_size_limit` knowingly.

    Then the image is no larger than the contract allows

  @image.pinned @must @static
  Scenario: The image and its base images are pinned
    `latest` is another image tomorrow. When a build that worked then fails, nothing in the repository shows what changed.

    To fix: name a version, python:3.11-slim-bookworm, or better a digest, in every FROM and in `image:`.

    Then the image and those that it is made from have tags or digests

  @image.multi-stage @should @static
  Scenario: What runs is separate from what builds
    What the build needs (compilers, headers, sources, credentials) is in the image for ever when both are one. Where the Dockerfile builds nothing, and no compiler is in the image, there is nothing to separate.

    To fix: build in a stage of its own ("FROM ... AS builder") and copy only the result ("COPY --from=builder").

    Then the image is built in one stage and runs in another

  @image.dockerignore @must @static
  Scenario: The build context holds nothing that does not belong in the image
    What `COPY . .` copies by accident (.env, .git, keys, packages of another machine, tests) is in the image or in the build cache, for everybody to find, and slows down every build. Only what the Dockerfile really copies counts.

    To fix: write a .dockerignore; the safest one excludes everything and includes only what the image needs ("*", "!src/").

    Then the build gets nothing that it should not have

  @image.cache-order @should @static
  Scenario: A change of the code does not install everything again
    Where the code is copied before the dependencies are installed, every change of the code installs all of them again: minutes for each build, and perhaps other versions each time. The check builds the image twice, the second time with one source file changed.

    To fix: copy the lists of packages first, install, and copy the code after that.

    Then a change of one source file does not install the dependencies again

  @image.scan @should @static
  Scenario: The image has no known high or critical vulnerability
    Attackers try known vulnerabilities first. Trivy or Grype is run if one is installed; their ignore files (.trivyignore, .grype.yaml beside the compose file) are respected.

    To fix: build on a newer base image, update the package that is named, or ignore the vulnerability by name, with a reason and a date.

    Then no known vulnerability of the image is high or critical

  Rule: The app runs undisturbed, and is stopped, killed and interrupted in turn

    Background:
      Given the processes of the app are watched
      And the health check of the app runs every second
      And the stack is ready
      When the app gets its stop signal
      And the app is started again
      And the app is ready again
      And the app is killed
      And the app is started again
      And the app is ready again
      And the app gets SIGINT

    @image.exec-form @must
    Scenario: The app is started without a shell in between
      A command in shell form runs below `/bin/sh -c`, and most shells do not forward signals: SIGTERM has no effect, and SIGKILL follows ten seconds later. Whether a shell replaces itself with the program (exec) depends on the shell, its version and the command.

      To fix: write CMD and ENTRYPOINT as lists, `CMD ["server", "argument"]`; end a start script with `exec "$@"`.

      Then the app is started without a shell in between

    @image.healthcheck-runs @must @needs-healthcheck
    Scenario: The health check passes on a ready app
      A health check whose program is not in the image always fails: everything that waits for `service_healthy` waits for ever, and an orchestrator kills a working app. Slim images have no curl.

      To fix: use a program that is in the image: the app's own runtime, or a small static binary.

      Then the health check of the app passes within 60 seconds

    @image.exposes @should
    Scenario: The image exposes the ports that it listens on
      EXPOSE is how an image says where it can be reached. Tools publish those ports, proxies route to them, and people believe them. What the base image exposes can't be undone and does not count.

      To fix: write EXPOSE with the port that the app listens on, and no other.

      Then the image exposes the ports that the app listens on

    @image.stop-signal @should
    Scenario: The app handles the signal that it is stopped with
      STOPSIGNAL says how every engine and orchestrator stops this image. A signal without a handler ends the app in the middle of its work, or not at all.

      To fix: leave STOPSIGNAL out, so that SIGTERM is sent, or set it to the signal on which the server shuts down gracefully (nginx: SIGQUIT).

      Then the app handles its stop signal

  Rule: The app is stopped under load, and again just after its next start

    Background:
      Given the stack is ready
      When the app gets its stop signal under load
      And the app is started again
      And the app gets its stop signal 300 milliseconds after its start

    @image.healthcheck-timing @should @needs-healthcheck
    Scenario: The timing of the health check fits the app
      With a timeout above the interval a check that hangs takes most of the time, and is noticed late; with too few retries an app is killed before it is ready; and a failure that is detected after minutes was reported by users first.

      To fix: an interval of 10 to 30 seconds, a timeout of a few seconds, three retries, and a start period of more than the slowest start.

      Then the timing of the health check fits the app
