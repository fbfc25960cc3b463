import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DirectedSite } from '../../src/apps/directed-site.ts'
import type { HttpService, SiteRequest } from '../../src/apps/http-service.ts'

/* RFC 9110 section 15.5.20: what is asked of a server that is not who is meant. */

const SERVICE: HttpService = {
  keepAlive: true,
  digests: false,
  keepsBodies: false,
  scheduler: 'priority',
  delayOf: () => 7,
  pushesOf: () => ['/style'],
  *answer() {
    yield* []
    return { status: 200, fields: [], content: undefined, isChunked: false }
  },
}

/** The status of the answer to a request for an authority, on a connection for `bob`. */
function statusFor(authority: string): number {
  const request: SiteRequest = {
    ...{ method: 'GET', target: '/', authority, bytes: 0, digest: undefined, body: [], fields: [] },
    ...{ isEarly: false, isSecure: true, client: '10.0.0.1', server: '10.0.0.2' },
  }
  const step = new DirectedSite(SERVICE, 'bob', ['www.example', '*.shop.example']).answer(request, () => undefined).next()
  assert.ok(step.done === true, 'nothing is waited for')
  return step.value.status
}

test('the name of the handshake, the names of the certificate, and addresses are right', () => {
  for (const authority of ['bob', 'BOB:8443', 'www.example', 'a.shop.example:443', '10.0.0.2', '[fd00::2]:443', '']) {
    assert.equal(statusFor(authority), 200, authority)
  }
})

test('any other name is answered with 421', () => {
  for (const authority of ['eve', 'bob.example', 'a.b.shop.example', 'shop.example:443']) {
    assert.equal(statusFor(authority), 421, authority)
  }
})

test('all else is the service’s', () => {
  const site = new DirectedSite(SERVICE, 'bob', [])
  assert.deepEqual([site.keepAlive, site.digests, site.delayOf('/'), site.pushesOf('/')], [true, false, 7, ['/style']])
})
