@retry
Feature: The app waits for its dependencies at start-up

  @retry.starting-up @must @needs-tap @needs-postgres
  Scenario: The app waits while the database says that it is starting up
    A PostgreSQL that replays its log accepts connections and rejects each with the code 57P03, "the database system is starting up". After a crash that takes minutes. It is an answer, not a broken connection, and is often treated as fatal.

    To fix: treat errors of class 57 (above all 57P03) like a refused connection: retry with growing pauses, in the same process.

    Given the database is behind a proxy
    When the app is started while the database is starting up, for 4 seconds
    Given the app missed the database while it was not there
    Then the app is ready within the startup limit
    And the app is still the same process
    And the app, where readiness does not tell of it, uses the database again

  @retry.wrong-password @must @needs-postgres
  Scenario: A wrong password is reported and kept secret
    A rotated password is a common mistake. The app must not claim to be ready, its log must name the cause, and no password belongs in a log.

    To fix: log the database's own message (it holds no password), and never the connection string or the settings.

    Given the database has another password than the app
    And the app and its dependencies are started
    Then the log of the app reports a failed login within 20 seconds more than its start takes
    And the app, where readiness tells of dependencies, is not ready throughout 5 seconds
    And the app shows no secret

  @retry.stops-while-retrying @must @needs-dependency
  Scenario: The app can be stopped while it waits
    A roll-back stops apps that never became ready. One that ignores the signal while it waits delays the roll-back.

    To fix: let the wait between two attempts end when the stop signal comes, and handle the signal before the first attempt.

    Given every service but the main dependency is started
    When the app gets its stop signal while it waits
    Then the app exits within the stop grace period
    And the app was not killed

  @retry.stops-while-refused @must @needs-tap @needs-dependency
  Scenario: The app can be stopped while its dependency refuses connections
    A refused connection takes a different code path in most libraries than a name that does not resolve, and so does the wait after it.

    To fix: let the wait between two attempts end when the stop signal comes, and handle the signal before the first attempt.

    Given the main dependency is behind a proxy
    When the app is started while the main dependency refuses connections
    And the app gets its stop signal while it waits
    Then the app exits within the stop grace period
    And the app was not killed

  Rule: <dependency> starts six seconds after the app should be ready

    Background:
      Given every service but <dependency> is started
      When <dependency> starts 6 seconds after the app should be ready

    @retry.late-database @must @needs-database
    Scenario: The app waits for a database that starts six seconds later
      Apps and databases start at the same moment: after a power cut, on a new node, in a test stack. An app that gives up at the first failure depends on luck and on restarts by others.

      To fix: retry the first connection with growing pauses for at least half a minute, in the same process; listen meanwhile and answer 503.

      Given the app missed the database while it was not there
      Then the app is ready within the startup limit
      And the app is still the same process
      And the app, where readiness does not tell of it, uses the database again

    @retry.unknown-name @must @each-dependency
    Scenario: The app waits for <dependency> when its name does not resolve yet
      A name appears in the network's DNS only when its container runs. A failed name lookup is a different error from a refused connection, and is often forgotten.

      To fix: retry after every kind of connection error, including name resolution (EAI_NONAME, "Name or service not known", ENOTFOUND).

      Given the app missed <dependency> while it was not there
      Then the app is ready within the startup limit
      And the app is still the same process
      And the app, where readiness does not tell of it, uses <dependency> again

  Rule: <dependency> is missing from the start

    Background:
      Given every service but <dependency> is started

    @retry.clear-error @must @needs-dependency
    Scenario: The app says what it waits for
      Whoever is woken by a missing dependency reads the log first. A line that names it saves an hour; a stack trace per attempt buries it.

      To fix: log one line per attempt or per change, with the name of the dependency and the reason; keep stack traces for what is unexpected.

      Then the log of the app names <dependency> within 10 seconds
      And in 10 seconds the app logs no stack trace per attempt

    @retry.gives-up-cleanly @should @needs-dependency
    Scenario: An app that gives up says so
      An exit with status 0 is a success to everybody who only sees the status: no restart with `on-failure`, a green job, no alarm.

      To fix: exit with a status other than 0 when the start fails, and let the last line say what was missing.

      Then the app, if it gives up without <dependency> within 15 seconds, says so

  Rule: <dependency> refuses connections while the app starts, and serves eight seconds later

    Background:
      Given <dependency> is behind a proxy
      When the app is started while <dependency> refuses connections, for 8 seconds

    @retry.refused @must @needs-tap @each-dependency
    Scenario: The app waits for <dependency> when it refuses connections
      Between the start of a container and that of the server in it the name resolves and the port refuses. The same is seen when a server restarts, or a firewall is not open yet.

      To fix: retry a refused connection (ECONNREFUSED) with growing pauses, in the same process; listen meanwhile and answer 503.

      Given the app missed <dependency> while it was not there
      Then the app is ready within the startup limit
      And the app is still the same process
      And the app, where readiness does not tell of it, uses <dependency> again

    @retry.clear-error-refused @must @needs-tap @needs-dependency
    Scenario: The app says that its dependency refuses connections
      A refused connection takes a different code path in most libraries than a name that does not resolve, and often ends in another message, or in none.

      To fix: log one line per attempt or per change, with the name of the dependency and the reason; keep stack traces for what is unexpected.

      Then the log of the app names <dependency> within 8 seconds of its first sign of life
      And in 8 seconds of its first sign of life the app logs no stack trace per attempt

    @retry.gives-up-refused @should @needs-tap @needs-dependency
    Scenario: An app that gives up after refused connections says so
      An exit with status 0 is a success to everybody who only sees the status: no restart with `on-failure`, a green job, no alarm.

      To fix: exit with a status other than 0 when the start fails, and let the last line say what was missing.

      Then the app, if it gives up without <dependency> within 8 seconds of its first sign of life, says so

  Rule: <dependency> refuses connections while the app gets no requests

    Background:
      Given <dependency> is behind a proxy
      And the app gets no requests
      When the app is started while <dependency> refuses connections, for 8 seconds

    @retry.paced @should @needs-tap @each-dependency
    Scenario: The app pauses between its attempts to reach <dependency>
      A loop without pauses keeps a CPU busy, fills the log, and overloads a dependency that is just starting. A hundred such instances keep it down.

      To fix: pause between two attempts, a quarter of a second at first and a few seconds later, best with random jitter.

      Given the app is still the same process
      Then the app makes at most 10 attempts to reach <dependency> in the first second and 5 a second after

    @retry.backs-off @should @needs-tap @each-dependency
    Scenario: The app tries to reach <dependency> less and less often
      The longer a dependency has been down, the longer it is likely to stay down. Growing pauses cost little at first, and protect it when every client reconnects at once.

      To fix: double the pause after each attempt up to a limit of some seconds, or use a constant pause of half a second or more.

      Given the app is still the same process
      Then the pauses between attempts to reach <dependency> grow or are half a second long

  Rule: The database boots for the first time while the app starts

    Background:
      Given the database is behind a proxy, where there can be one
      When the database and the app start at the same moment

    @retry.initialising-database @must @needs-database @needs-first-boot
    Scenario: The app survives the first boot of its database
      On its first boot a database creates its files, starts for its own set-up, stops and starts again. For seconds its port refuses connections.

      To fix: retry in the same process, with growing pauses, whatever a connection failed with: refused, dropped or told to wait.

      Given the app missed the database while it was not there
      Then the app is ready within the startup limit
      And the app is still the same process
      And the app, where readiness does not tell of it, uses the database again
