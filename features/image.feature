@image
Feature: The image is what operators expect

  @image.exec-form @must
  Scenario: The app is started without a shell in between
    A command in shell form runs below `/bin/sh -c`, and most shells pass no signal on: SIGTERM ends in ten seconds of waiting and SIGKILL. Whether a shell steps aside depends on its name, its version and the line.

    To fix: write CMD and ENTRYPOINT as lists, `CMD ["server", "argument"]`; end a start script with `exec "$@"`.

    Then the app is started without a shell in between

  @image.healthcheck @must @static
  Scenario: The app has a health check
    Without one the engine knows only whether a process runs. Compose can't wait for it, Swarm can't replace it, and nobody sees that it hangs.

    To fix: declare HEALTHCHECK in the Dockerfile, or `healthcheck:` in the compose file, that asks the readiness endpoint.

    Then the app has a health check

  @image.healthcheck-runs @must @needs-healthcheck
  Scenario: The health check passes on a ready app
    A health check whose program is not in the image fails for ever: everything that waits for `service_healthy` waits for ever, too, and an orchestrator kills what works. Slim images have no curl.

    To fix: use a program that the image has: the app's own runtime, or a small static one that is copied in.

    Given the health check of the app runs every second
    And the stack is ready
    Then the health check of the app passes within 60 seconds

  @image.healthcheck-can-fail @must @needs-healthcheck
  Scenario: The health check fails on an app that does nothing
    A health check that can't fail is worse than none, because it says that all is well. `|| true` and `exit 0` are common ways to get a build green.

    To fix: let the health check ask the app over the network, with a timeout, and end with its failure.

    Given the health check of the app runs every second, with its own timeout
    And the stack is ready
    When the app is suspended by SIGSTOP
    Then the engine calls the app unhealthy within 90 seconds

  @image.healthcheck-timing @should @needs-healthcheck
  Scenario: The times of the health check fit
    A timeout above the interval lets runs pile up, patience that is shorter than the start kills apps that are about to be ready, and detection after minutes comes after the first call from a user.

    To fix: an interval of 10 to 30 seconds, a timeout of a few seconds, three retries, and a start period of more than the slowest start.

    Then the times of the health check fit

  @image.labels @should @static
  Scenario: The image says what it is and where it came from
    Whoever finds a running image at three in the morning has to find its source and its revision. Scanners and update tools read the same labels.

    To fix: set the labels org.opencontainers.image.title, .version, .source and .revision, in the Dockerfile or by the pipeline.

    Then the image says what it is and where it came from

  @image.no-secrets-in-config @must @static
  Scenario: The image's settings hold no secret
    Whoever can pull an image can read its environment, its labels and its command line. A secret in there is everybody's, in every registry and every cache that the image has ever been in.

    To fix: take it out of the Dockerfile and give it at run time (environment, secret files); make a new secret, because this one is known.

    Then the environment, labels and command line of the image hold no secret

  @image.no-secrets-in-history @must @static
  Scenario: The image's history shows no secret
    A build argument and the text of every RUN instruction stay in the image's history, which `docker history` shows to everybody.

    To fix: hand secrets to a build by `RUN --mount=type=secret`, which leaves no trace; make a new secret, because this one is known.

    Then the history of the image shows no secret

  @image.no-secret-files @must @static
  Scenario: No file of the image holds a secret
    A file that a later layer deletes is still in the layer below, and everybody who can pull the image can take it out.

    To fix: keep the file out of the build context by .dockerignore; use `RUN --mount=type=secret` where a build needs it; make a new secret, because this one is known.

    Then no layer of the image has a file with a secret

  @image.no-compilers @must @static
  Scenario: The image has no compiler
    A compiler helps only whoever breaks in: to build, on the spot, what they could not bring along. It also makes an image large and its list of known weaknesses long.

    To fix: build in a stage of its own, and copy only the result into the stage that runs ("COPY --from=builder").

    Then nothing in the image compiles or builds

  @image.no-package-managers @should @static
  Scenario: The image has no package manager that the app could use
    With one, whoever breaks in brings their tools along in one command. Nothing is installed at run time: an image that changes after its build is not the one that was tested. The distribution's own count only where the app runs as root, because nobody else can use them.

    To fix: install in a build stage and copy the result; or remove them at the end ("pip uninstall pip", "rm -rf /usr/local/lib/node_modules/npm").

    Then nothing in the image installs packages

  @image.no-caches @should @static
  Scenario: The image carries no caches
    What an installation leaves behind is carried to every machine that the image runs on, and is never used again.

    To fix: clean up in the same RUN instruction ("rm -rf /var/lib/apt/lists/*"), install with --no-cache-dir or --no-cache, or use `RUN --mount=type=cache`.

    Then no caches are left in the image

  @image.no-waste @should @static
  Scenario: Little of the image is hidden under later layers
    What a later layer deletes, replaces or gives another owner is still stored, sent and unpacked, and nobody ever sees it.

    To fix: delete in the instruction that creates; give files their owner and mode while copying ("COPY --chown --chmod"), not by a RUN after it.

    Then later layers of the image overwrite and delete little

  @image.size @should @static @needs-size-limit
  Scenario: The image is no larger than its limit
    A large image starts late on every new machine, and that is when a service is needed most. A limit makes growth a decision.

    To fix: use a smaller base, leave out what only the build needs, or raise `image_size_limit` knowingly.

    Then the image is no larger than the contract allows

  @image.pinned @must @static
  Scenario: The image and its base are named exactly
    `latest` is another image tomorrow. A build that worked and a build that fails then differ in nothing that anybody wrote down.

    To fix: name a version, python:3.11-slim-bookworm, or better a digest, in every FROM and in `image:`.

    Then the image and those that it is made from have tags or digests

  @image.multi-stage @should @static
  Scenario: What runs is separate from what builds
    What the build needs (compilers, headers, sources, credentials) is in the image for ever when both are one.

    To fix: build in a stage of its own ("FROM ... AS builder") and copy only the result ("COPY --from=builder").

    Then the image is built in one stage and runs in another

  @image.dockerignore @must @static
  Scenario: The build gets nothing that it should not have
    What `COPY . .` takes along by accident (.env, .git, keys, packages of another machine, tests) is in the image, or in the build cache, for everybody to find, and makes every build slower. Only what the Dockerfile really takes counts.

    To fix: write a .dockerignore; the safest one leaves out everything and takes back in what the image needs ("*", "!src/").

    Then the build gets nothing that it should not have

  @image.cache-order @should @static
  Scenario: A change of the code does not install everything again
    Where the code is copied in before the dependencies are installed, every change of a letter installs all of them again: minutes for each build, and other versions each time. The image is built twice to see it, the second time with one source file changed.

    To fix: copy the lists of packages first, install, and copy the code after that.

    Then a change of one source file does not install the dependencies again

  @image.exposes @should
  Scenario: The image exposes the ports that it listens on
    EXPOSE is how an image says where it can be reached. Tools publish those ports, proxies route to them, and people believe them. What is inherited from the base image can't be taken back and is forgiven.

    To fix: write EXPOSE with the port that the app listens on, and no other.

    Given the stack is ready
    Then the image exposes the ports that the app listens on

  @image.stop-signal @should
  Scenario: The app handles the signal that it is stopped with
    STOPSIGNAL tells every engine and orchestrator how to stop this image. A signal that nobody handles ends the app in the middle of its work, or not at all.

    To fix: leave STOPSIGNAL out, so that SIGTERM is sent, or name the one that the server drains at (nginx: SIGQUIT).

    Given the stack is ready
    Then the app handles its stop signal

  @image.scan @should @static
  Scenario: The image has no grave known weakness
    What is known to everybody is tried by everybody. Trivy or Grype is asked where one is installed; what they are told to ignore (.trivyignore, .grype.yaml beside the compose file) is ignored here, too.

    To fix: build on a newer base image, update the package that is named, or ignore the weakness by name, with a reason and a date.

    Then no known weakness of the image is high or critical
