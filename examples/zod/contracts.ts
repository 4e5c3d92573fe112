import { rpc, topic } from '@commlib/core'
import { z } from 'zod'

// Any Standard Schema will do: zod, valibot, arktype, …
export const Position = topic(
  'robot.position',
  z.object({ x: z.number(), y: z.number(), frame: z.string().default('map') }),
)

export const Rename = rpc('robot.rename', {
  request: z.object({ name: z.string().trim().min(1).max(20) }),
  response: z.object({ greeting: z.string() }),
})
