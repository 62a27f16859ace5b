@config
Feature: The app is configured from outside

  @config.no-literal-secrets @must @static @needs-compose
  Scenario: The compose file holds no secret
    A compose file is committed, copied and mailed, and so is every secret in it. Nobody can change one without changing the file. A short or common password counts too, because the service really uses it.

    To fix: refer to it by name, and keep the value elsewhere: `${DB_PASSWORD:?}` with a .env file that is not committed, `env_file`, or `secrets`.

    Then the compose file holds no secret

  @config.missing-setting @should @needs-compose
  Scenario: A missing setting is reported at the start
    A service that starts with half of its settings fails later, somewhere else, with an error that does not name the cause. Each variable of the compose file is removed in turn: the app may have a default for it, or must say that it is missing, in its own spelling of the name. A variable whose value is also on the command line is skipped.

    To fix: read and validate every setting first, report all missing ones at once, by name, and exit with a status other than 0.

    Then without a setting that it needs the app exits within 10 seconds and names it
