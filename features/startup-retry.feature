@retry
Feature: Start-up survives a database that is late

  @retry.late-database @must @needs-database
  Scenario: The app waits for a database that starts six seconds later
    After a node restart nothing comes up in order. An app that exits because its database is not there yet crash-loops, and the engine's growing pauses between restarts keep it down long after the database is back.

    To mend: connect in a loop with growing pauses and an upper bound, keep the process alive meanwhile, and answer 503 on readiness until the first connection stands.

    Given every service but the database is started
    When the database starts 6 seconds after the app
    Then readiness answers 2xx within the startup limit
    And the app is still the same process
