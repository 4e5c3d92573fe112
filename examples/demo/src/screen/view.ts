import type { GoalStatus } from '@commlib/core'
import { Tally } from './tally.ts'

/** All that the dashboard shows. */
export interface View {
  /** On which broker. */
  readonly where: string
  readonly tally: Tally

  /** When each node was heard last. */
  readonly nodes: Map<string, number>
  readonly sensors: Map<string, { unit: string; values: number[] }>
  note: string
  answer?: { what: string; milliseconds: number }
  event?: string
  goal?: { what: string; progress: number; metres: number; status: GoalStatus; detail: string }
  closed: boolean
}

export function createView(where: string): View {
  return { where, tally: new Tally(), nodes: new Map(), sensors: new Map(), note: '', closed: false }
}
