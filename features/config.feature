@config
Feature: The app is configured from outside

  @config.no-literal-secrets @must @static @needs-compose
  Scenario: The compose file holds no secret
    A compose file is committed, copied and mailed, and so is every secret in it. Nobody can change one without changing the file.

    To mend: name it and keep it elsewhere: `${DB_PASSWORD:?}` with a .env file that is not committed, `env_file`, or `secrets`.

    Then the compose file holds no secret
