@nonroot
Feature: The app does not run as root

  @nonroot.processes @must
  Scenario: No process of the app runs as root
    Whoever breaks into a process that runs as root inside a container is root for every mistake in the kernel, the engine or a mount.

    To fix: create a user in the Dockerfile and switch to it by number ("USER 10001:10001") before CMD; give that user only the directories it has to write to.

    Given the processes of the app are watched
    And the stack is ready
    Then no process of the app runs as root

  @nonroot.image-user @must
  Scenario: The image's user is not root
    An orchestrator that is told to run nothing as root looks at the image first, and refuses one that does not say who it runs as.

    To fix: end the Dockerfile with "USER 10001:10001" (any number but 0), also when a start script changes the user later.

    Then the user of the app is not root

  @nonroot.numeric @should
  Scenario: The image's user is a number
    Kubernetes can't verify a name: with runAsNonRoot it refuses to start an image whose user is not a number, whoever that is inside.

    To fix: write the number into the Dockerfile: "USER 10001:10001".

    Then the user of the app is a number

  @nonroot.arbitrary-uid @should
  Scenario: The app runs as any user
    Platforms such as OpenShift run each project's containers as a user of their own choice, in the group root, whom the image has never heard of.

    To fix: do not ask who you are; give what has to be written to the group 0 ("chgrp -R 0 DIR && chmod -R g=u DIR"), and code to everybody to read.

    Given the app runs as user 12345:0
    And the app is started
    Then readiness answers 2xx within the startup limit

  @nonroot.no-setuid @should @static
  Scenario: Nothing in the image makes its caller root
    A program with the setuid bit runs as its owner, whoever calls it. Each one is a way from a hole in the app to root.

    To fix: take the bits away where such a program comes in ("chmod a-s FILE"), or leave the package out; run containers with no-new-privileges.

    Then no program beyond those of the base image changes the user of its caller

  @nonroot.code-not-writable @should @static
  Scenario: The app can't change its own code
    Whoever gets the app to write a file where they like must not get it to write a program that the next start runs.

    To fix: copy code in as root and leave it to root ("COPY", without --chown); give the app's user only the folders it has to write to.

    Then the user of the app can't change its code
