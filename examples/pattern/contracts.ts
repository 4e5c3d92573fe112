import { topic } from '@commlib/core'
import Type from 'typebox'

const Reading = Type.Object({ value: Type.Number() })

/** `{room}` is one segment of the name: captured, and typed. */
export const RoomReading = topic('house.{room}.{quantity}', Reading)

/** `*` is one segment in the middle, and one or more at the end. */
export const AnyTemperature = topic('house.*.temperature', Reading)

/** `{path...}` is one or more segments. */
export const Anything = topic('house.{path...}', Reading)
