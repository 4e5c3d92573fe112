import type { ActionContract, ActionParts, DescribeAction } from '../contracts/action.ts'
import { parts } from '../contracts/contract.ts'
import { assertTopic } from '../contracts/grammar.ts'
import type { Schema } from '../contracts/schema.ts'
import type { ShapeOf } from '../contracts/shape.ts'
import { CommlibError } from '../errors.ts'
import type { OptionCheck } from '../util/options.ts'

interface ActionSchemas {
  readonly goal?: Schema | undefined
  readonly feedback?: Schema | undefined
  readonly result?: Schema | undefined
}

/** What a contract carries beside its shapes. What is left out is never bundled. */
export interface ActionSides extends Partial<Pick<ActionContract[typeof parts], 'client' | 'serve'>> {
  readonly check?: OptionCheck | undefined
}

/** The `action` function, with or without a validator, for both sides or for one. */
export function actionsBy(shapeOf: ShapeOf, { check, client, serve }: ActionSides): DescribeAction {
  // The overloads say more of the types than one signature can.
  return ((name: string, { goal, feedback, result }: ActionSchemas = {}): ActionContract => {
    assertTopic(name)
    const missing = () => {
      throw new CommlibError('UNSUPPORTED', `'${name}' was declared for the other side only`)
    }
    const shapes: ActionParts = { check, goal: shapeOf(goal), feedback: shapeOf(feedback), result: shapeOf(result) }
    const sides = { client: client ?? missing, serve: serve ?? (async () => missing()) }
    return { kind: 'action', name, goal, feedback, result, [parts]: { ...shapes, ...sides } }
  }) as DescribeAction
}
