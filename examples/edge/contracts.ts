import { topic } from '@commlib/core'
import { Type } from 'typebox'

export const Reading = topic('meters.{meter}', Type.Object({ count: Type.Integer() }), { reliable: true })
