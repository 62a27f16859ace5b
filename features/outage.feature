@outage
Feature: An outage of a dependency is admitted and survived

  @outage.killed @must @each-dependency
  Scenario: Readiness turns 503 when <dependency> is killed
    With its dependency gone the app can't serve. Saying so takes it out of the load balancer; still saying "ready" sends every user into an error.

    To mend: let the readiness endpoint use the dependency on every call, with a time-out of a second or two, and answer 503 when that fails.

    Given the stack is ready
    When <dependency> is killed
    Then readiness answers 503 within the outage limit
    And readiness answers no 2xx throughout 3 seconds

  @outage.recovers @must @each-dependency
  Scenario: The app is ready again when <dependency> is back
    Dependencies restart: upgrades, fail-overs, moved nodes. An app that needs a restart of its own after each of them turns a short outage into a long one, and somebody's night.

    To mend: throw broken connections away and connect anew, with growing pauses, for as long as the process lives; use a connection pool that validates a connection before it hands it out.

    Given the stack is ready
    When <dependency> is killed, and starts again 3 seconds later
    Then readiness answers 2xx within the recovery limit
    And the app is still the same process
