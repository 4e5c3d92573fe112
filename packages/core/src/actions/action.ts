import type { ActionContract, DescribeAction } from '../contracts/action.ts'
import { parts } from '../contracts/contract.ts'
import { assertTopic } from '../contracts/grammar.ts'
import type { Schema } from '../contracts/schema.ts'
import type { ShapeOf } from '../contracts/shape.ts'
import { createActionClient } from './client.ts'
import { createActionService } from './service.ts'

interface ActionSchemas {
  readonly goal?: Schema | undefined
  readonly feedback?: Schema | undefined
  readonly result?: Schema | undefined
}

/** The `action` function, with or without a validator. */
export function actionsBy(shapeOf: ShapeOf): DescribeAction {
  // The overloads say more of the types than one signature can.
  return ((name: string, { goal, feedback, result }: ActionSchemas = {}): ActionContract => {
    assertTopic(name)
    return {
      kind: 'action',
      name,
      goal,
      feedback,
      result,
      [parts]: {
        goal: shapeOf(goal),
        feedback: shapeOf(feedback),
        result: shapeOf(result),
        client: createActionClient,
        serve: createActionService,
      },
    }
  }) as DescribeAction
}
