import { GoalStatus } from '@commlib/core'

/** What people call a status: `SUCCEEDED`. */
export function statusName(status: GoalStatus): string {
  return Object.entries(GoalStatus).find(([, value]) => value === status)?.[0] ?? String(status)
}
