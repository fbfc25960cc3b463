import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Http3Options } from '../../../src/protocols/http3/options.ts'
import type { Doing } from './raw-peer.ts'
import { RawClient, RawServer } from './raw-peer.ts'

/*
 * Rule by rule: what an endpoint has to do with a peer that keeps the rule to the letter, or breaks it. A verdict is `-` when nothing is
 * wrong, or says whether a stream or the connection ends, and with which error code.
 */

export const MALFORMED = 'stream 0 H3_MESSAGE_ERROR'
export const UNEXPECTED = 'connection H3_FRAME_UNEXPECTED'
export const FRAME = 'connection H3_FRAME_ERROR'
export const ID = 'connection H3_ID_ERROR'
export const CREATION = 'connection H3_STREAM_CREATION_ERROR'
export const CRITICAL = 'connection H3_CLOSED_CRITICAL_STREAM'
export const SETTINGS = 'connection H3_SETTINGS_ERROR'

/** What a server of ours says to this, behind the client's settings. */
export function server(doings: readonly Doing[], options: Http3Options = {}): string {
  return RawClient.greeted(options)
    .send(...doings)
    .verdict()
}

/** What a client of ours says to this, behind the server's settings and its own request on stream 0. */
export function client(doings: readonly Doing[], options: Http3Options = {}, method = 'GET'): string {
  const peer = RawServer.greeted(options)
  peer.request({ method })
  return peer.send(...doings).verdict()
}

/** Tests by name: what is done, and the verdict on it. */
export function verdicts(
  judge: (doings: readonly Doing[]) => string,
  cases: Readonly<Record<string, [string, ...Doing[]]>>,
): void {
  for (const [name, [expected, ...doings]] of Object.entries(cases)) {
    test(name, () => {
      assert.equal(judge(doings), expected)
    })
  }
}
