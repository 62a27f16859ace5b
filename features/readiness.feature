@readiness
Feature: Readiness tells the truth at start-up

  @readiness.declared-order @should @needs-compose @needs-dependency
  Scenario: The compose file starts the app when its dependencies are healthy
    The short form of depends_on waits only until a container runs. PostgreSQL needs seconds more until it accepts, and the app's first attempts fail on every cold start.

    To fix: write `depends_on: {db: {condition: service_healthy}}`, and give the dependency a health check, such as pg_isready or redis-cli ping.

    Then the app is started only when its dependencies are healthy

  Rule: The app is stopped under load, and again just after its next start

    Background:
      Given the stack is ready
      When the app gets its stop signal under load
      And the app is started again
      And the app gets its stop signal 300 milliseconds after its start

    @readiness.under-load @should
    Scenario: Readiness holds under the load of eight clients
      An app whose readiness fails because it is busy is taken out of the load balancer. Its share goes to the others, which fail next.

      To fix: let the readiness endpoint use a dedicated connection, or wait only briefly for one from the pool, give it a worker that requests can't occupy, and answer 503 only when the app can't serve.

      Then readiness said under load that the app is ready

  Rule: <dependency> is missing from the start

    Background:
      Given every service but <dependency> is started

    @readiness.not-without-database @must @needs-database
    Scenario: The app alone is never ready
      A pod whose database is not there at all must not be given traffic, however long it waits.

      To fix: let the readiness endpoint run a query (SELECT 1) on every call; a flag that was set at start says nothing about now.

      Then the app is not ready throughout 5 seconds of its first sign of life

    @readiness.says-503 @must @each-dependency
    Scenario: The app says that it is not ready while <dependency> is missing
      Load balancers and orchestrators read the status and nothing else: 200 with an error in the body is "ready", 500 looks like a bug and raises an alarm, and no answer at all blocks the prober.

      To fix: catch the failure of the dependency in the readiness endpoint, give it a timeout of a second or two, and answer 503.

      Then the app listens within 6 seconds more than its start takes of its first sign of life
      And the app says nothing but that it is not ready throughout 6 seconds of its first sign of life

    @readiness.liveness-first @must @needs-liveness @each-dependency
    Scenario: The app is alive while <dependency> is missing
      An orchestrator restarts an app that is not alive. When liveness depends on a dependency, its outage puts every app that uses it into a restart loop.

      To fix: listen first and connect afterwards, and let the liveness endpoint check only the process itself.

      Then the app is alive within the startup limit of its first sign of life
      And the app is alive throughout 3 seconds

  Rule: <dependency> starts six seconds after the app should be ready

    Background:
      Given every service but <dependency> is started
      When <dependency> starts 6 seconds after the app should be ready

    @readiness.prompt @should @needs-dependency
    Scenario: The app is ready soon after its dependency serves
      Every second between a dependency that is back and an app that is ready prolongs the outage for no reason.

      To fix: retry with pauses of a second or two, and drop fixed sleeps at start.

      Given the app is still the same process
      And the app was not ready before its dependency was there
      Then the app is ready within 3 seconds more than its start takes

  Rule: <dependency> refuses connections while the app starts, and serves eight seconds later

    Background:
      Given <dependency> is behind a proxy
      When the app is started while <dependency> refuses connections, for 8 seconds

    @readiness.says-503-refused @must @needs-tap @each-dependency
    Scenario: The app says that it is not ready while <dependency> refuses connections
      A refused connection takes a different code path than a name that does not resolve: an app that says 503 in one of these cases may exit, hang or say 500 in the other.

      To fix: catch every failure of the dependency in the readiness endpoint, give it a timeout of a second or two, and answer 503.

      Then the app listens within 6 seconds more than its start takes of its first sign of life
      And the app says nothing but that it is not ready throughout 6 seconds of its first sign of life

    @readiness.prompt-refused @should @needs-tap @needs-dependency
    Scenario: The app is ready soon after its dependency accepts connections
      A restarted database refuses connections for some seconds. Every second between its first accepted connection and an app that is ready prolongs the outage for no reason.

      To fix: retry with pauses of a second or two, and drop fixed sleeps at start.

      Given the app is still the same process
      And the app was not ready before its dependency was there
      Then the app is ready within 3 seconds more than its start takes

  Rule: All services start on fresh data, the database last

    Background:
      Given the health check of the app runs every second
      When all services start on fresh data, the database last

    @readiness.not-before-database @must @needs-database
    Scenario: The app is not ready before its database is
      A load balancer sends traffic as soon as readiness says 2xx. An app that says so before its database serves answers users with errors on every deployment.

      To fix: let the readiness endpoint run a query (SELECT 1) on every call, and answer 503 until it succeeds.

      Given the app is ready within the startup limit
      Then the app is never ready before the database accepts

    @readiness.healthcheck-agrees @must @needs-healthcheck
    Scenario: The health check and readiness agree
      Compose and many deployment tools wait for the engine's "healthy". A health check that passes too early starts what depends on the app too early; one that never passes stops a deployment.

      To fix: let the health check ask the readiness endpoint, with a program that is in the image.

      Given the app is ready within the startup limit
      Then the engine calls the app healthy within 90 seconds
      And the engine did not call the app healthy before it was ready

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

    @readiness.stable @must
    Scenario: Once ready, the app stays ready
      Readiness that flaps adds and removes an instance from the load balancer over and over; users see the errors in between.

      To fix: see the log for what fails now and then, and let the readiness endpoint check only what the app needs to serve.

      Then the app is ready throughout 10 seconds of being ready
