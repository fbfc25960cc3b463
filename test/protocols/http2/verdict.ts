import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Http2Options } from '../../../src/protocols/http2/options.ts'
import { RawClient, RawServer } from './raw-peer.ts'

/*
 * Rule by rule: what an endpoint has to do with a peer that keeps the rule to the letter, or breaks it. A verdict is `-` when nothing is
 * wrong, or says whether a stream or the connection ends, and with which error code.
 */

export const PROTOCOL = 'connection PROTOCOL_ERROR'
export const SIZE = 'connection FRAME_SIZE_ERROR'
export const FLOW = 'connection FLOW_CONTROL_ERROR'
export const COMPRESSION = 'connection COMPRESSION_ERROR'
export const MALFORMED = 'stream 1 PROTOCOL_ERROR'

/** What a server of ours says to these frames, behind the exchange of settings. */
export function server(frames: readonly Uint8Array[], options: Http2Options = {}): string {
  return RawClient.greeted(options)
    .send(...frames)
    .verdict()
}

/** What a client of ours says to these frames, behind its request on stream 1. */
export function client(frames: readonly Uint8Array[], options: Http2Options = {}, method = 'GET'): string {
  const peer = RawServer.greeted(options)
  peer.request({ method })
  return peer.send(...frames).verdict()
}

/** Tests by name: what is said, and the verdict on it. */
export function verdicts(
  judge: (frames: readonly Uint8Array[]) => string,
  cases: Readonly<Record<string, [string, ...Uint8Array[]]>>,
): void {
  for (const [name, [expected, ...frames]] of Object.entries(cases)) {
    test(name, () => {
      assert.equal(judge(frames), expected)
    })
  }
}
