@readiness
Feature: Readiness tells the truth

  @readiness.not-before-database @must @needs-database
  Scenario: The app is not ready before its database is
    A load balancer sends traffic to whoever says "ready". An app that says so while its database still starts answers its first users with errors.

    To mend: let the readiness endpoint run a cheap query (SELECT 1) against the database, with a time-out, and answer 503 until it succeeds.

    When all services start on fresh data, the database last
    Then readiness answers no 2xx before the database accepts
    And readiness answers 2xx within the startup limit
