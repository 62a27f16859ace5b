@outage
Feature: The app reports an outage of a dependency, and survives it

  @outage.partitioned @must @needs-tap @each-dependency
  Scenario: The app says that it is not ready when all packets to <dependency> are lost
    In a partition packets vanish: no refusal, no reset. The kernel alone takes minutes to give up a connection.

    To fix: give every call to the dependency a timeout of a second or two, connecting and querying both, and answer 503 when it is over.

    Given <dependency> is behind a proxy
    And the stack is ready
    When all packets to <dependency> are lost
    Then the app says that it is not ready within the outage limit and one probe
    And readiness never hangs throughout 8 seconds

  @outage.recovers-partitioned @must @each-dependency
  Scenario: The app is ready again when <dependency> is back on the network
    After a partition old connections are dead without having been closed. They stay in a pool that nobody checks.

    To fix: give connections a timeout and keep-alives, validate them before use, and discard those that fail.

    Given the stack is ready
    When <dependency> is cut off for 5 seconds
    Given readiness shows the outage until its return
    Then the app is ready within the recovery limit
    And the app is still the same process

  @outage.new-address @must @each-dependency
  Scenario: The app finds <dependency> at another address
    A dependency that was moved has the same name and another address. An app that resolved the name only once keeps connecting to the old address.

    To fix: resolve the name for every new connection; where the runtime caches names, give the cache a short lifetime.

    Given the stack is ready
    When <dependency> comes back at another address
    Given readiness shows the outage until its return
    Then the app is ready within the recovery limit
    And the app is still the same process

  @outage.long @should @slow @each-dependency
  Scenario: The app survives a long outage of <dependency>
    Some retry loops give up after a minute. A longer outage is just the one in which nobody has time to restart the app.

    To fix: retry for as long as the process lives, and let only the operator end it.

    Given the stack is ready
    When <dependency> is killed for 75 seconds
    Given readiness shows the outage until its return
    Then the app is ready within the recovery limit
    And the app is still the same process

  @outage.flapping @must @each-dependency
  Scenario: The app survives a crash loop of <dependency>
    A dependency in a crash loop comes and goes. Each round must leave nothing behind: no session, no task, no memory.

    To fix: close the old pool before opening a new one, and let a single task do the reconnecting.

    Given the stack is ready
    When <dependency> is killed and started again 5 times
    Given readiness shows the outage until its return
    Then the app is ready within the recovery limit
    And the app has at most 2 sessions more than before
    And the app is still the same process

  @outage.exhausted @must @needs-postgres
  Scenario: The app survives a database without free connection slots
    Once all connection slots are taken, by a runaway job or by too many instances, every new connection is rejected at once.

    To fix: treat "too many clients" like any other failed connection: answer 503, retry with pauses, and do not exit.

    Given the stack is ready
    When all connection slots of the database are taken
    Then readiness never hangs throughout 4 seconds
    And the app is still the same process
    When the connection slots are free again
    Given readiness shows the outage until its return
    Then the app is ready within the recovery limit

  @outage.healthcheck-follows @must @needs-dependency @needs-healthcheck
  Scenario: The health check follows the outage
    The engine's health is what Compose, Swarm and many dashboards show. A health check that stays green in an outage hides it.

    To fix: let the health check ask the readiness endpoint, with a timeout below its own.

    Given the health check of the app runs every second
    And the stack is ready
    Then the engine calls the app healthy within 90 seconds
    When the main dependency is killed
    Then the engine calls the app unhealthy within 60 seconds

  Rule: The connections to <dependency> are reset, and then it is slow

    Background:
      Given <dependency> is behind a proxy
      And the stack is ready
      When all connections to <dependency> are reset
      And the app is ready again
      And <dependency> answers 2 seconds late

    @outage.reset @must @needs-tap @each-dependency
    Scenario: The app is ready again soon after its connections to <dependency> were reset
      Proxies, firewalls and fail-overs reset connections that the app believes to be open. The dependency is up all the time; an app that keeps using dead connections from its pool is not.

      To fix: let the pool check a connection before it hands it out, or discard it at the first error, and reconnect at once.

      Given readiness shows the outage from its beginning
      Then the app is ready within 5 seconds of the outage
      And the app is still the same process

    @outage.slow @should @needs-tap @each-dependency
    Scenario: The app answers in time when <dependency> is slow
      A dependency that takes two seconds for each answer is worse than a dead one: every request waits for it, perhaps several times, and requests pile up.

      To fix: give the whole of a readiness check a limit of a second or two, not only each call within it.

      Given readiness shows the outage
      Then readiness never hangs throughout 8 seconds

  Rule: <dependency> is killed, and started again later

    Background:
      Given the stack is ready
      When <dependency> is killed for the outage limit and 5 seconds

    @outage.killed @must @each-dependency
    Scenario: The app says that it is not ready when <dependency> is killed
      Without its dependency the app can't serve. With a 503 the load balancer stops sending requests; with "ready" every user gets an error.

      To fix: let the readiness endpoint use the dependency on every call, with a timeout of a second or two, and answer 503 when that fails.

      Then the app says that it is not ready within the outage limit of the outage
      And the app is not ready throughout 3 seconds

    @outage.liveness @must @needs-liveness @each-dependency
    Scenario: The app stays alive while <dependency> is dead
      An orchestrator restarts an app that is not alive. A restart does not bring the database back, and makes a short outage a long one.

      To fix: let the liveness endpoint check only the process itself.

      Then the app is alive throughout 8 seconds of the outage

    @outage.discreet @must @each-dependency
    Scenario: A failing answer leaks nothing when <dependency> is down
      Readiness endpoints are often reachable from outside. A connection string, a password or a stack trace in the body helps an attacker.

      To fix: answer with one word for the state of each dependency, and write the reason to the log.

      Given readiness fails within the outage limit and one probe of the outage
      Then the body shows no secret, no connection string and no stack trace

    @outage.names-it @should @each-dependency
    Scenario: A failing answer names <dependency> as the cause
      Whoever looks at a failing endpoint wants to know which dependency is down. A body that names it saves a search in every log.

      To fix: answer with a map of checks, such as {"status": "degraded", "checks": {"database": "unavailable"}}.

      Given readiness fails within the outage limit and one probe of the outage
      Then the body names <dependency>

    @outage.recovers @must @each-dependency
    Scenario: The app is ready again when <dependency> is back
      Dependencies restart: upgrades, fail-overs, moved nodes. An app that must be restarted by hand after each of them turns a short outage into a long one.

      To fix: discard broken connections and reconnect, with growing pauses, for as long as the process lives; use a connection pool that validates a connection before it hands it out.

      Given readiness shows the outage until its return
      Then the app is ready within the recovery limit of its return
      And the app is still the same process

    @outage.same-process @must @each-dependency
    Scenario: The app survives an outage of <dependency>
      An app that exits in an outage loses what it held in memory, and after a few restarts the engine's growing back-off keeps it down long after the dependency is back.

      To fix: catch connection errors where they occur, in background tasks too, and retry with growing pauses.

      Given the outage reaches the app until its return
      Then the app is still the same process
      And the app, where readiness does not tell of it, uses <dependency> again

  Rule: <dependency> is frozen, and goes on later

    Background:
      Given the stack is ready
      When <dependency> is frozen for the outage limit, one probe and 9 seconds

    @outage.frozen @must @each-dependency
    Scenario: The app says that it is not ready when <dependency> is frozen
      A dead dependency refuses at once; a frozen one keeps its connections open and answers nothing. Without timeouts every request hangs, until the app has no worker or connection left.

      To fix: give every call to the dependency a timeout of a second or two, connecting and querying both, and answer 503 when it is over.

      Then the app says that it is not ready within the outage limit and one probe of the outage
      And readiness never hangs throughout 8 seconds

    @outage.recovers-frozen @must @each-dependency
    Scenario: The app is ready again when <dependency> is no longer frozen
      A dependency that was frozen resumes with the same connections. An app that has closed them must open new ones, and one that is still waiting must resume.

      To fix: discard connections whose call has timed out, and reconnect.

      Given readiness shows the outage until its return
      Then the app is ready within the recovery limit of its return
      And the app is still the same process
