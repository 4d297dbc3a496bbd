Feature: A basket
  What goes in has to be paid.

  Background:
    Given a basket

  @smoke
  Scenario: One thing
    When I put 1 thing into it
    Then it holds 1 things

  Scenario Outline: Several things
    When I put <count> things into it
    Then it holds <count> things

    Examples:
      | count |
      | 2     |
      | 3     |
      | 4     |
      | 5     |
      | 6     |
      | 7     |

  Scenario: Too few
    When I put 1 thing into it
    Then it holds 2 things
