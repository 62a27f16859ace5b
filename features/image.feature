@image
Feature: The image is what operators expect

  @image.exec-form @must
  Scenario: The app is started without a shell in between
    A command in shell form runs below `/bin/sh -c`, and most shells pass no signal on: SIGTERM ends in ten seconds of waiting and SIGKILL. Whether a shell steps aside depends on its name, its version and the line.

    To mend: write CMD and ENTRYPOINT as lists, `CMD ["server", "argument"]`; end a start script with `exec "$@"`.

    Then the app is started without a shell in between

  @image.healthcheck @must @static
  Scenario: The app has a health check
    Without one the engine knows only whether a process runs. Compose can't wait for it, Swarm can't replace it, and nobody sees that it hangs.

    To mend: declare HEALTHCHECK in the Dockerfile, or `healthcheck:` in the compose file, that asks the readiness endpoint.

    Then the app has a health check

  @image.healthcheck-runs @must @needs-healthcheck
  Scenario: The health check passes on a ready app
    A health check whose program is not in the image fails for ever: everything that waits for `service_healthy` waits for ever, too, and an orchestrator kills what works. Slim images have no curl.

    To mend: use a program that the image has: the app's own runtime, or a small static one that is copied in.

    Given the health check of the app runs every second
    And the stack is ready
    Then the health check of the app passes within 60 seconds

  @image.healthcheck-can-fail @must @needs-healthcheck
  Scenario: The health check fails on an app that does nothing
    A health check that can't fail is worse than none, because it says that all is well. `|| true` and `exit 0` are common ways to get a build green.

    To mend: let the health check ask the app over the network, with a time-out, and end with its failure.

    Given the health check of the app runs every second, with its own time-out
    And the stack is ready
    When the app is stopped in its tracks
    Then the engine calls the app unhealthy within 90 seconds

  @image.healthcheck-timing @should @needs-healthcheck
  Scenario: The times of the health check fit
    A time-out above the interval lets runs pile up, patience that is shorter than the start kills apps that are about to be ready, and detection after minutes comes after the first call from a user.

    To mend: an interval of 10 to 30 seconds, a time-out of a few seconds, three retries, and a start period of more than the slowest start.

    Then the times of the health check fit

  @image.labels @should @static
  Scenario: The image says what it is and where it came from
    Whoever finds a running image at three in the morning has to find its source and its revision. Scanners and update tools read the same labels.

    To mend: set the labels org.opencontainers.image.title, .version, .source and .revision, in the Dockerfile or by the pipeline.

    Then the image says what it is and where it came from
