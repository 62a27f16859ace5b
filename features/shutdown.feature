@shutdown
Feature: The app stops when it is told to

  @shutdown.in-time @must
  Scenario: The stop signal ends the app within its grace period
    Every deployment stops the old container: the engine sends the stop signal, waits for the grace period, then sends SIGKILL. An app that needs SIGKILL loses the requests it was serving and holds up every roll-out.

    To mend: run the server as the first process (exec form: CMD ["server", "argument"]; a start script ends in "exec server"), and handle SIGTERM: stop accepting, finish what is in flight, close connections, exit 0.

    Given the stack is ready
    When the app is told to stop
    Then the app exits within the stop grace period
    And nobody had to kill the app
