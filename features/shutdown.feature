@shutdown
Feature: The app shuts down gracefully

  @shutdown.database-frozen @must @needs-dependency
  Scenario: The app stops in time while its dependency is frozen
    A frozen database answers nothing and closes nothing: without a timeout every wait for it lasts for ever.

    To fix: give every wait of the shutdown a limit below the grace period; terminate connections that do not close.

    Given the stack is ready
    When the main dependency is frozen
    And a patient client asks the app
    And the app gets its stop signal
    Then the app exits within the stop grace period
    And the app was not killed

  @shutdown.database-gone @must @needs-dependency
  Scenario: The app stops in time while its dependency is dead
    Databases fail during deployments too. A drain that waits for a database that is not there ends with SIGKILL.

    To fix: give every wait of the shutdown a limit below the grace period, the closing of the pool as well.

    Given the stack is ready
    When the main dependency is killed
    And a patient client asks the app
    And the app gets its stop signal
    Then the app exits within the stop grace period
    And the app was not killed

  @shutdown.work-kept @must @needs-work
  Scenario: A unit of work under way is finished, or goes back to its queue
    Each deployment stops workers in the middle of their work. What is taken from the queue, not finished and not put back is lost: an order that nobody ships, and no error shows it.

    To fix: on the stop signal take no more work and finish what is under way; acknowledge a unit when it is done, not when it is taken; give the worker a grace period longer than its longest unit, and put back what does not end in it.

    Given the stack is ready
    When a unit of work is done with nothing disturbed
    And a unit of work is under way
    And the app gets its stop signal
    And the app is started again
    And the app is ready again
    And the unit of work is looked for
    Then the unit of work is finished or back in its queue

  @shutdown.halfway-started @must
  Scenario: The app can be stopped halfway through its start
    A rollback stops instances that are still running migrations, loading a model or waiting for each other. An app that ignores the signal until it serves delays the rollback by its grace period, every time.

    To fix: let start scripts end in "exec server" or forward the signal while they migrate, and handle the signal before the slow part of the start; or put an init in front (`init: true`, tini).

    Given the app is started
    When the app gets its stop signal halfway through its start
    Then the app exits within the stop grace period
    And the app was not killed

  Rule: The app gets its stop signal while a request is in flight, then twice after a restart

    Background:
      Given the stack is ready
      When a request is held open by the main dependency
      And the app gets its stop signal once, and then the main dependency goes on
      And the app is started again
      And the app is ready again
      And a request is held open by the main dependency
      And the app gets its stop signal twice, and then the main dependency goes on

    @shutdown.in-flight @must @needs-dependency @needs-business
    Scenario: A request in flight is answered
      A user whose order is being written when a deployment begins gets an error, and does not know whether to order again.

      To fix: on the stop signal stop accepting, wait for in-flight requests, and close the database connections only afterwards.

      Then the request of the first stop is answered completely

    @shutdown.twice @should @needs-dependency @needs-business
    Scenario: A second signal does not break the drain
      Signals come twice: from an engine and an orchestrator, or from an impatient script. The second one must not cut off requests that the first one let finish.

      To fix: let the handler only set a flag; a second signal then changes nothing.

      Then the request is answered completely

  Rule: The app is stopped under load, and again just after its next start

    Background:
      Given the stack is ready
      When the app gets its stop signal under load
      And the app is started again
      And the app gets its stop signal 300 milliseconds after its start

    @shutdown.no-torn-answers @must
    Scenario: Under load no accepted request is cut off
      A load balancer keeps sending requests until it notices the shutdown. Accepted requests must be answered completely; refused ones are retried elsewhere.

      To fix: close the listening socket first, answer everything that was accepted, then exit.

      Given the app exits within the stop grace period
      Then no accepted request is cut off

    @shutdown.under-load @must
    Scenario: The stop signal ends the app while clients keep their connections open
      Load balancers and reverse proxies keep connections to the app open, idle ones and busy ones. A server that waits until they hang up is killed with whatever it was serving.

      To fix: on the stop signal close idle connections, answer the last request of the others with `Connection: close`, and close them after it (Node: closeIdleConnections).

      Given clients were asking the app
      Then the app exits within the stop grace period
      And the app was not killed

    @shutdown.during-startup @must
    Scenario: The app can be stopped just after its start
      The kernel ignores a signal to the first process of a container for which no handler is installed yet. An app that installs its handlers late, and has no init in front, can't be stopped while it starts.

      To fix: install the handlers first thing, before slow imports and set-up, or put an init in front (`init: true`, tini).

      Then the app exits within the stop grace period of the last signal
      And the app was not killed

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

    @shutdown.releases-sessions @must @needs-postgres
    Scenario: No database session outlives the app
      Sessions that stay keep locks and slots. A few deployments later the database has none left.

      To fix: cancel running statements and close the pool before exiting; give statements a timeout.

      Given the app exits within the stop grace period
      Then a second later no session of the app is left

    @shutdown.in-time @must
    Scenario: The stop signal ends the app within its grace period
      Every deployment stops the old container: the engine sends the stop signal, waits for the grace period, then sends SIGKILL. An app that needs SIGKILL loses the requests it was serving and delays every roll-out.

      To fix: run the server as the first process (exec form: CMD ["server", "argument"]; a start script ends in "exec server"), and handle SIGTERM: stop accepting, finish what is in flight, close connections, exit 0.

      Then the app exits within the stop grace period
      And the app was not killed

    @shutdown.status @must
    Scenario: The exit status says that the stop was clean
      A status other than 0 or 143 is a crash to an orchestrator: it counts as a failure, restarts, and raises an alarm on every deployment.

      To fix: exit with 0 when the drain is done; or declare the status under `stop_status` if it is intended.

      Given the app exits within the stop grace period
      Then the exit status is one of the contract's

    @shutdown.reaches-app @must
    Scenario: The stop signal reaches the app
      A shell as the first process receives the signal and does not forward it, and the kernel drops a signal for which the first process has no handler. The app never gets it, and is killed when the grace period is over.

      To fix: write CMD and ENTRYPOINT in exec form, end a start script in "exec server", or put an init in front (`init: true`).

      Then the signal reaches the app

    @shutdown.turns-away @should
    Scenario: New requests are refused after the signal
      A request that is accepted and then left hanging is the worst case: the client waits for its own timeout and can't retry.

      To fix: close the listening socket on the stop signal, or answer 503 with `Connection: close`.

      Given the app exits within the stop grace period
      Then nothing that is asked after the signal is left hanging

    @shutdown.comes-back @must
    Scenario: A stopped container starts again
      Containers are restarted more often than created: after a crash, after a reboot of the machine. Leftovers of the last run must not prevent the next start.

      To fix: keep no pid or lock file in the container, or remove a stale one at start.

      Then the app is ready within the startup limit of its second start

    @shutdown.comes-back-killed @must
    Scenario: A killed container starts again
      The kernel kills what runs out of memory, and a power cut everything. Nothing cleans up then: a leftover pid or lock file must not prevent the next start.

      To fix: keep no pid or lock file in the container or on a volume, or take over a stale one at start; a lock of the kernel (`flock`) ends with its process.

      Then the app is ready within the startup limit of its third start

    @shutdown.interrupt @should
    Scenario: SIGINT ends the app too
      A Ctrl-C at `docker run` sends SIGINT, and some process managers do so as well.

      To fix: handle SIGINT like SIGTERM: finish in-flight requests, then exit.

      Then the app exits within the stop grace period of the last signal
      And the app was not killed

    @shutdown.no-zombies @should
    Scenario: No zombie processes are left
      The first process of a container inherits every orphaned process. If it never reaps them, the process table fills up until nothing can be started any more, health checks included.

      To fix: wait for child processes, or put an init in front (`init: true`, tini).

      Then readiness never hangs throughout 6 seconds of being ready
      And no process of the app is left as a zombie
