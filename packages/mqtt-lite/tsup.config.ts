import { library } from '../../tsup.base.ts'

// What it shares with @commlib/mqtt is compiled in: that package brings mqtt.js.
export default library({ bundled: [/^@commlib\/mqtt\//] })
