@data
Feature: Data outlives containers

  @data.named-volume @should @needs-compose @needs-database
  Scenario: The data directory is on a named volume
    An image that declares a volume gets an anonymous one, which `docker compose down` and a new container leave behind, unnamed among all others.

    To fix: put the data directory on a named volume: `volumes: [data:/var/lib/postgresql/data]`.

    Then the data of the database is on a named volume

  Rule: The database boots for the first time while the app starts

    Background:
      Given the database is behind a proxy, where there can be one
      When the database and the app start at the same moment

    @data.survives @must @needs-postgres
    Scenario: A row survives the replacement of the database's container
      Every upgrade replaces the container. What it kept in its own file system, or on an anonymous volume, is lost.

      To fix: put the data directory on a named volume: `volumes: [data:/var/lib/postgresql/data]`.

      Then a row of the database is still there when its container is replaced
