// For sibling packages, which bring connections of their own. Not covered by semver.
export { Acknowledgements } from './acknowledgements.ts'
export type { Connection } from './connection.ts'
export type { DriverSettings, OpenConnection, OpenSession } from './driver.ts'
export { CODES, VersionRefused } from './errors.ts'
export { Subscriptions } from './subscriptions.ts'
export { fromTopic, toTopic } from './topic.ts'
export { createTransport, forgetSession } from './transport.ts'
