// @segment/analytics-node and @rudderstack/rudder-sdk-node: node node.mjs segment|rudder, with the cases on standard input.

import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

// The packages are where the tests have put them, which is not beside this file.
const load = createRequire(join(process.env.TRACKWAY_TEST_NPM, 'package.json'))

// After this long a client gives up on an answer, by its documented option; the slow answer takes longer.
const TIMEOUT_MS = 5000

const clients = {
  segment(host, writeKey) {
    const { Analytics } = load('@segment/analytics-node')
    const client = new Analytics({ host, writeKey, httpRequestTimeout: TIMEOUT_MS })
    return {
      send: (kind, message) => client[kind](message),
      flush: () => client.flush(),
      close: () => client.closeAndFlush(),
    }
  },

  rudder(host, writeKey) {
    const Analytics = load('@rudderstack/rudder-sdk-node')
    // Without an errorHandler a refused request would end the process as an unhandled rejection. With a `timeout` it
    // would give up at a Retry-After that is longer, so it has none, which is its default.
    const options = { dataPlaneUrl: host, logLevel: 'error', errorHandler: () => {} }
    const client = new Analytics(writeKey, options)
    let over = []
    return {
      send: (kind, message) => over.push(new Promise((done) => client[kind](message, done))),
      async flush() {
        await client.flush()
        await Promise.all(over)
        over = []
      },
      close: () => {},
    }
  },
}

async function run({ name, host, key, waves }) {
  const client = clients[process.argv[2]](host, key)
  for (const wave of waves) {
    for (const { call, timestamp, ...message } of wave) {
      const messageId = randomUUID()
      console.log(JSON.stringify({ case: name, call, id: messageId }))
      client.send(call, { ...message, messageId, timestamp: new Date(timestamp) })
    }
    await client.flush()
  }
  await client.close()
}

await Promise.all(JSON.parse(await text(process.stdin)).map(run))
