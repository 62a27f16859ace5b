Feature: The app on PostgreSQL

  @runs_as_non_root
  Scenario: The app does not run as root
    Given the app and its database are ready
    Then no process of the app runs as root

  @reports_outage
  Scenario: The app reports that its database is gone, and recovers
    Given the app and its database are ready
    When the database is killed
    Then the app is unavailable within 5 seconds
    And the app is not ready for 3 seconds
    When the database is started again
    Then the app is ready within 15 seconds
    And the app is still the same process

  @stops_in_time
  Scenario: The app stops in time
    Given the app and its database are ready
    When the app is stopped with a timeout of 10 seconds
    Then the app has exited by itself

  @not_ready_before_database
  Scenario: The app is not ready before its database
    Given the app runs without its database
    Then the app is not ready
    When the database starts
    Then the app is not ready before the database accepts
    And the app is ready within 60 seconds

  @waits_for_late_database
  Scenario: The app waits for a late database
    Given the app runs without its database
    When the database starts 6 seconds later
    Then the app is ready within 60 seconds
    And the app is still the same process
