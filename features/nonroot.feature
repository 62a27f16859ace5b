@nonroot
Feature: The app does not run as root

  @nonroot.processes @must
  Scenario: No process of the app runs as root
    Whoever breaks into a process that runs as root inside a container is root for every mistake in the kernel, the engine or a mount.

    To mend: create a user in the Dockerfile and switch to it by number ("USER 10001:10001") before CMD; give that user only the directories it has to write to.

    Given the processes of the app are watched
    And the stack is ready
    Then no process of the app runs as root
