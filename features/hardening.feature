@hardening
Feature: The app needs no more than it is given

  @hardening.read-only @should
  Scenario: The app runs on a read-only root file system
    Who breaks into an app that can't write can't leave anything behind: no changed code, no tool, no miner. And an app that writes to its own container loses it with the next deployment.

    To fix: write to a mounted volume, or to /tmp in memory (`tmpfs: [/tmp]`), and run with `read_only: true`.

    Given the root file system of the app is read-only
    And the app is started
    Then readiness answers 2xx within the startup limit
    And nothing can be written to the root file system of the app

  @hardening.no-capabilities @should
  Scenario: The app runs without capabilities
    Every container gets fourteen capabilities by default, which are parts of root's power. A server that listens on a port above 1024 needs none of them.

    To fix: run with `cap_drop: [ALL]`; listen on a port above 1024, and take files and their owners into the image as they are to be.

    Given the app has no capabilities
    And the app is started
    Then readiness answers 2xx within the startup limit

  @hardening.no-new-privileges @must
  Scenario: The app runs without gaining privileges
    With `no-new-privileges` no program in the container can become more than what started it, whatever its setuid bit says. Kubernetes asks for it (allowPrivilegeEscalation: false).

    To fix: prepare what needs root at build time, so that no start script needs su, sudo or a setuid program.

    Given the app can gain no privileges
    And the app is started
    Then readiness answers 2xx within the startup limit

  @hardening.all-at-once @should @needs-dependency
  Scenario: The app does its work with all of that at once
    Each restriction alone may pass where all together do not, and what works at the start may not work in an outage or at the end: a core dump, a state file, a helper for the shutdown.

    To fix: see the checks of each restriction; find out from the log which of them the failing moment needs.

    Given the root file system of the app is read-only
    And the app has no capabilities
    And the app can gain no privileges
    And the app is started
    Then readiness answers 2xx within the startup limit
    When the main dependency is killed for 3 seconds
    Then readiness answers 2xx within the recovery limit
    And the app is still the same process
    When the app gets its stop signal
    Then the app exits within the stop grace period
    And the app was not killed

  @hardening.writes-nothing @should
  Scenario: The app writes nothing to its own container
    What is written to a container's own layer is slow, fills the engine's disk, and is gone with the container. Nobody sees it until one of the three hurts.

    To fix: keep state in a volume or a database, temporary files in /tmp, logs on standard output; take caches and compiled files into the image at build time.

    Given the root file system of the app can be written to
    And the stack is ready
    Then the app writes nothing outside temporary folders for 20 seconds

  @hardening.within-limits @must
  Scenario: The app makes do with 512 MiB and half a processor
    An app without a measure takes what it finds, and is killed where there is less. Half a gigabyte and half a processor are what a service of this kind gets on most platforms.

    To fix: size heaps, pools and worker processes by the limits of the container, not by the machine; load less at the start.

    Given the app has 512 MiB of memory and half a processor
    And the app is started
    Then readiness answers 2xx within the startup limit
    And readiness answers 2xx throughout 8 seconds
    And the app is still the same process

  @hardening.limits-declared @should @static @needs-compose
  Scenario: The compose file limits the app
    Without limits one instance with a leak takes the whole machine, and all that runs on it, along.

    To fix: declare `deploy.resources.limits` with `memory`, `cpus` and `pids` for the app.

    Then memory, processors and processes of the app are limited

  @hardening.not-privileged @must @static @needs-compose
  Scenario: No service reaches out of its container
    A privileged container, one with the engine's socket, or one in the machine's own namespaces is the machine: whoever breaks into it has everything.

    To fix: take the key away that is named; give the one capability or the one device that is needed instead.

    Then no service reaches out of its container

  @hardening.database-private @should @static @needs-compose @needs-dependency
  Scenario: Dependencies are not published
    A published database is open to everybody who reaches the machine, past the app and often past the firewall, since the engine writes its own rules.

    To fix: drop `ports:` from the dependency (services of a stack reach each other without), or bind them to 127.0.0.1.

    Then no dependency is published beyond this machine
