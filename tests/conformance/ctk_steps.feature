Feature: Steps
  As the reader of the conformance kit
  I want each step of its README to be tried
  So that a step that no feature uses today works when one does

  Scenario: A Losing Branch Is Cancelled
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: steps-cancel
      version: '1.0.0'
    do:
      - race:
          fork:
            compete: true
            branches:
              - slow:
                  wait:
                    minutes: 1
              - fast:
                  set:
                    won: true
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    won: true
    """
    And slow should cancel
    And fast should complete
    And race should run first
    And race should run last
    And race should run before slow
    And fast should run after race

  Scenario: Tasks Complete With Output And Fault With Error
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: default
      name: steps-task
      version: '1.0.0'
    do:
      - count:
          set:
            n: ${ .start + 1 }
          output:
            as: .n
      - nested:
          do:
            - refuse:
                raise:
                  error:
                    type: https://example.com/errors/refused
                    status: 418
                    title: Refused
    """
    And given the workflow input is:
    """yaml
    start: 2
    """
    When the workflow is executed
    Then the workflow should fault
    And count should complete with output:
    """yaml
    3
    """
    And nested should fault
    And refuse should fault with error:
    """yaml
    type: https://example.com/errors/refused
    status: 418
    instance: /do/1/nested/do/0/refuse
    """
