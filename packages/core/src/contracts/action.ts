import type { ActionClient, ActionClientOptions } from '../actions/client.ts'
import type { GoalHandler } from '../actions/goal-runner.ts'
import type { ActionServiceOptions } from '../actions/service-options.ts'
import type { Target } from '../endpoints/context.ts'
import type { Subscription } from '../transport.ts'
import type { OptionCheck } from '../util/options.ts'
import type { parts } from './contract.ts'
import type { Input, Output, Schema } from './schema.ts'
import type { Shape } from './shape.ts'

/** The six types of an action: each side sends an input and receives an output. */
export interface ActionTypes {
  readonly goalIn: unknown
  readonly goalOut: unknown
  readonly feedbackIn: unknown
  readonly feedbackOut: unknown
  readonly resultIn: unknown
  readonly resultOut: unknown
}

export interface ActionParts {
  readonly check: OptionCheck | undefined
  readonly goal: Shape
  readonly feedback: Shape
  readonly result: Shape
}

/** A goal that takes time: it can be canceled, tells how it goes, and has a result. */
export interface ActionContract<T extends ActionTypes = ActionTypes> {
  readonly kind: 'action'
  readonly name: string
  readonly goal: Schema | undefined
  readonly feedback: Schema | undefined
  readonly result: Schema | undefined

  /** Types only. */
  readonly '~types'?: T

  /** @internal */
  readonly [parts]: ActionParts & {
    readonly client: <T extends ActionTypes>(
      target: Target,
      contract: ActionContract<T>,
      options?: ActionClientOptions,
    ) => ActionClient<T['goalIn'], T['feedbackOut'], T['resultOut']>
    readonly serve: <T extends ActionTypes>(
      target: Target,
      contract: ActionContract<T>,
      handler: GoalHandler<T['goalOut'], T['feedbackIn'], T['resultIn']>,
      options?: ActionServiceOptions,
    ) => Promise<Subscription>
  }
}

/**
 * Describes an action. One service serves it: a second one on the same name would not know the goals of the first.
 *
 * commlib-py: the `action_name` and `msg_type` of ActionService and ActionClient.
 */
export interface DescribeAction {
  <Goal extends Schema, Feedback extends Schema, Result extends Schema>(
    name: string,
    schemas: { readonly goal: Goal; readonly feedback: Feedback; readonly result: Result },
  ): ActionContract<{
    goalIn: Input<Goal>
    goalOut: Output<Goal>
    feedbackIn: Input<Feedback>
    feedbackOut: Output<Feedback>
    resultIn: Input<Result>
    resultOut: Output<Result>
  }>
  /** Without schemas nothing is checked: the types are a promise of yours. */
  <Goal = unknown, Feedback = unknown, Result = unknown>(
    name: string,
  ): ActionContract<{
    goalIn: Goal
    goalOut: Goal
    feedbackIn: Feedback
    feedbackOut: Feedback
    resultIn: Result
    resultOut: Result
  }>
}
