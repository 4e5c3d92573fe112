import type { Case } from '../bench.ts'
import { actions } from './actions.ts'
import { calls } from './calls.ts'
import { nodes } from './nodes.ts'
import { topics } from './topics.ts'

const all = { ...topics, ...calls, ...actions, ...nodes }

export type CaseName = keyof typeof all

/** What is tried with every version on every broker, in the order of the table. */
export const cases: Readonly<Record<CaseName, Case>> = all
