@nonroot
Feature: The app does not run as root

  @nonroot.no-setuid @should @static
  Scenario: The image adds no setuid program
    A program with the setuid bit runs as its owner, whoever calls it. Each one is a way from a hole in the app to root.

    To fix: remove the bits where such a program is installed ("chmod a-s FILE"), or leave the package out; run containers with no-new-privileges.

    Then no program beyond those of the base image changes the user of its caller

  @nonroot.code-not-writable @should @static
  Scenario: The app can't change its own code
    An attacker who gets the app to write a file must not be able to change a program that the next start runs.

    To fix: copy the code as root ("COPY", without --chown); give the app's user only the folders that it has to write to.

    Given the user of the app is not root
    Then the user of the app can't change its code

  @nonroot.arbitrary-uid @should
  Scenario: The app runs as any user
    Platforms such as OpenShift run each project's containers as an arbitrary user in the group root, which is unknown to the image.

    To fix: do not depend on the user's name or home; give what has to be written to the group 0 ("chgrp -R 0 DIR && chmod -R g=u DIR"), and make the code readable for everybody.

    Given the app runs as user 12345:0
    And the app is started
    Then the app is ready within the startup limit

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

    @nonroot.processes @must
    Scenario: No process of the app runs as root
      An attacker who takes over a process that runs as root in a container can exploit every flaw in the kernel, the engine or a mount as root.

      To fix: create a user in the Dockerfile and switch to it by number ("USER 10001:10001") before CMD; give that user only the directories it has to write to.

      Then no process of the app runs as root

    @nonroot.image-user @must
    Scenario: The image's user is not root
      An orchestrator that must not run anything as root checks the image first, and refuses one that does not declare its user.

      To fix: end the Dockerfile with "USER 10001:10001" (any number but 0), also when a start script changes the user later.

      Then the user of the app is not root

    @nonroot.numeric @should
    Scenario: The image's user is a number
      Kubernetes can't verify a name: with runAsNonRoot it refuses to start an image whose user is not a number.

      To fix: write the number into the Dockerfile: "USER 10001:10001".

      Given the user of the app is not root
      Then the user of the app is a number

