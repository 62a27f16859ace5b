@hardening
Feature: The app works with few privileges and limited resources

  @hardening.limits-declared @should @static @needs-compose
  Scenario: The compose file limits the app
    Without limits one instance with a leak takes down the whole machine and everything that runs on it.

    To fix: declare `deploy.resources.limits` with `memory`, `cpus` and `pids` for the app.

    Then memory, processors and processes of the app are limited

  @hardening.not-privileged @must @static @needs-compose
  Scenario: No service has access to the host
    A privileged container, or one with the engine's socket or the host's namespaces, has full access to the machine, and so has whoever breaks into it.

    To fix: remove the key that is named; grant only the one capability or device that is needed.

    Then no service has access to the host

  @hardening.database-private @should @static @needs-compose @needs-dependency
  Scenario: Dependencies are not published
    A published database is open to everybody who can reach the machine, past the app and often past the firewall, because the engine writes its own rules.

    To fix: drop `ports:` from the dependency (services of a stack reach each other without), or bind them to 127.0.0.1.

    Then no dependency is published beyond this machine

  Rule: The app runs under all restrictions, through an outage and a stop

    Background:
      Given the root file system of the app is read-only
      And the app has no capabilities
      And the app can gain no privileges
      And the app has 512 MiB of memory and half a processor
      And the app is started
      When the main dependency is killed for 3 seconds
      And the app gets its stop signal

    # A scenario repeats the restrictions that it is about: if it fails under all, it is made again with those alone.
    @hardening.read-only @should
    Scenario: The app runs on a read-only root file system
      An attacker can't leave anything behind in an app that can't write: no changed code, no tool, no miner. And an app that writes to its own container loses it with the next deployment.

      To fix: write to a mounted volume, or to /tmp in memory (`tmpfs: [/tmp]`), and run with `read_only: true`.

      Given the root file system of the app is read-only
      Then the app is ready within the startup limit of its start
      And nothing can be written to the root file system of the app

    @hardening.no-capabilities @should
    Scenario: The app runs without capabilities
      Every container gets fourteen capabilities by default, which are parts of root's power. A server that listens on a port above 1024 needs none of them.

      To fix: run with `cap_drop: [ALL]`; listen on a port above 1024, and set file owners at build time (`COPY --chown`).

      Given the app has no capabilities
      Then the app is ready within the startup limit of its start

    @hardening.no-new-privileges @must
    Scenario: The app runs without gaining privileges
      With `no-new-privileges` no program in the container can gain more privileges than its parent, even with a setuid bit. Kubernetes asks for it (allowPrivilegeEscalation: false).

      To fix: do what needs root at build time, so that no start script needs su, sudo or a setuid program.

      Given the app can gain no privileges
      Then the app is ready within the startup limit of its start

    @hardening.within-limits @must
    Scenario: The app runs in 512 MiB and half a processor
      An app that sizes itself by the machine is killed where there is less. Half a gigabyte and half a processor are what such a service gets on most platforms.

      To fix: size heaps, pools and worker processes by the limits of the container, not by the machine; load less at the start.

      Given the app has 512 MiB of memory and half a processor
      Then the app is ready within the startup limit of its start
      And the app is ready throughout 8 seconds
      And the app is still the same process

    @hardening.all-at-once @should @needs-dependency
    Scenario: The app works with all of these restrictions at once
      Each restriction may pass alone and fail in combination, and what works at the start may fail in an outage or at shutdown: a core dump, a state file, a helper for the shutdown.

      To fix: see the check of each restriction; the log shows which one is in the way.

      Given the root file system of the app is read-only
      And the app has no capabilities
      And the app can gain no privileges
      Then the app is ready within the startup limit of its start
      And the app is ready within the recovery limit of its return
      And the app, where readiness does not tell of it, uses the main dependency again
      And the app is still the same process
      And the app exits within the stop grace period
      And the app was not killed

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

    @hardening.writes-nothing @should
    Scenario: The app writes nothing to its own container
      What is written to a container's own layer is slow, fills the engine's disk, and is lost with the container.

      To fix: keep state in a volume or a database, temporary files in /tmp, logs on standard output; create caches and compiled files at build time.

      Then the app writes nothing outside temporary folders for 20 seconds
