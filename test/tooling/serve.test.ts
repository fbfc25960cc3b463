import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { serve, type StaticServer } from '../../scripts/serve.ts'

describe('the static server', () => {
  let house: string
  let server: StaticServer

  before(async () => {
    house = await mkdtemp(join(tmpdir(), 'serve-'))
    await mkdir(join(house, 'site/tcp close'), { recursive: true })
    await writeFile(join(house, 'secret.txt'), 'secret')
    await writeFile(join(house, 'site/index.html'), '<p>index')
    await writeFile(join(house, 'site/tcp close/index.html'), '<p>close')
    await writeFile(join(house, 'site/packetarium.js'), 'export {}')
    server = await serve({ root: join(house, 'site'), port: 0, csp: "default-src 'self'", pages: { '/embed.html': '<p>embed' } })
  })
  after(async () => {
    await server.close()
    await rm(house, { recursive: true })
  })

  /** Sends the request line as it is; `fetch` would tidy the path. */
  function raw(line: string): Promise<string> {
    return new Promise((done, fail) => {
      let answer = ''
      const socket = connect(Number(new URL(server.url).port), 'localhost', () => {
        socket.write(`${line}\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
      })
      socket.on('data', (chunk) => (answer += chunk.toString()))
      socket.on('close', () => done(answer))
      socket.on('error', fail)
    })
  }

  test('a script has the type that module scripts need, and may be loaded from other origins', async () => {
    const answer = await fetch(`${server.url}/packetarium.js`)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-type'), 'text/javascript; charset=utf-8')
    assert.equal(answer.headers.get('access-control-allow-origin'), '*')
    assert.equal(answer.headers.get('content-security-policy'), null)
    assert.equal(await answer.text(), 'export {}')
  })

  test('a page carries the policy', async () => {
    for (const path of ['/', '/embed.html']) {
      const answer = await fetch(server.url + path)
      assert.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8')
      assert.equal(answer.headers.get('content-security-policy'), "default-src 'self'")
    }
  })

  test('a folder leads to its index, with a slash, so that relative links work', async () => {
    const answer = await fetch(`${server.url}/tcp%20close`)
    assert.equal(answer.url, `${server.url}/tcp%20close/`)
    assert.equal(await answer.text(), '<p>close')
  })

  test('HEAD has the headers and no body', async () => {
    const answer = await fetch(`${server.url}/packetarium.js`, { method: 'HEAD' })
    assert.equal(answer.headers.get('content-length'), '9')
    assert.equal(await answer.text(), '')
  })

  test('what is not there is not found; other methods are refused', async () => {
    assert.equal((await fetch(`${server.url}/nowhere.js`)).status, 404)
    assert.equal((await fetch(`${server.url}/packetarium.js/`)).status, 404)
    assert.equal((await fetch(`${server.url}/`, { method: 'POST' })).status, 405)
  })

  test('no path leads out of the folder', async () => {
    for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '//secret.txt', '/x/../../secret.txt']) {
      const answer = await raw(`GET ${path} HTTP/1.1`)
      assert.match(answer, /^HTTP\/1\.1 40[04] /, path)
      assert.ok(!answer.includes('\r\n\r\nsecret'), path)
    }
    assert.match(await raw('GET /%00 HTTP/1.1'), /^HTTP\/1\.1 400 /)
    assert.match(await raw('GET /%zz HTTP/1.1'), /^HTTP\/1\.1 400 /)
  })
})
