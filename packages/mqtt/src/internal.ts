// For sibling packages, which bring connections of their own. Not covered by semver.
export { Arrivals, tooLarge } from './arrivals.ts'
export type { Connection } from './connection.ts'
export type { DriverSettings, OpenConnection, OpenSession } from './driver.ts'
export { CODES, connectionLost, RETURN_CODES, VersionRefused } from './errors.ts'
export type { Received } from './reader.ts'
export { Subscriptions } from './subscriptions.ts'
export { fromTopic, toTopic } from './topic.ts'
export { createTransport, forgetSession } from './transport.ts'
