@logging
Feature: The log is where operators look, and says what they need

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

    @logging.stdout @must
    Scenario: The app writes its log to standard output or standard error
      What a container writes there is collected by every engine and platform, and kept when the container is gone. What it writes elsewhere, nobody sees.

      To fix: let the logger write to standard output, and at least a line when the app starts and one when it stops.

      Then the app has written something

    @logging.no-files @must
    Scenario: The app writes no log files
      A log file inside a container grows until the engine's disk is full, and is gone with the container just when somebody wants to read it.

      To fix: let the logger write to standard output alone; for a server that can only log to a file, link that file to /dev/stdout.

      Then the app writes no log file for 10 seconds

    @logging.last-words @should
    Scenario: The app says that it stops
      The last line tells a planned end from a crash. An app that buffers its output loses just that line, and with a crash the cause.

      To fix: log a line when the stop signal comes, and another one at the end; flush the output on exit, or write it unbuffered.

      Given the app exits within the stop grace period
      Then the app has written something since its stop signal

    @logging.structured @should
    Scenario: Every line of the log is a JSON object
      A line with fields can be searched and counted, and can raise alerts. A stack trace over thirty lines becomes thirty entries, in between those of others.

      To fix: use a logger that writes JSON lines (structlog, pino, slog, logback with an encoder, tracing), for the start and for errors too.

      Then every line of the app is a JSON object with time, level and message

    @logging.no-secrets @must
    Scenario: The log shows no secret from the start to the end
      Logs are read by more people, and kept in more places for longer, than any secret should be.

      To fix: log names of settings and not their values; mask connection strings; keep secrets in types that do not print themselves.

      Then the app shows no secret until it is stopped
      And the app shows no secret
