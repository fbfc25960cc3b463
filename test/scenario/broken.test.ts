import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import { refusalOf } from './scenario-fixture.ts'

const FOLDER = new URL('./broken/', import.meta.url)

/** Path, what was found, and the telling part of what is allowed. */
const BROKEN: Readonly<Record<string, readonly [path: string, found: string, allowed: RegExp]>> = {
  'address-out-of-subnet': ['hosts.bob.address', '"10.2.0.1/24"', /in 10\.1\.0\.0\/24, the subnet of alice/],
  'broadcast-address': ['hosts.alice.address', '"10.1.0.255/24"', /10\.1\.0\.1 to 10\.1\.0\.254/],
  'claim-on-unknown-measure': ['claims[0].measure', '"happiness"', /page-load-time, bytes-delivered/],
  'claim-with-code': ['claims[0].holds', '"trace => true"', /a measure .* in a TypeScript scenario, a function/],
  'claim-without-bound': ['claims[0]', 'a claim on page-load-time without a bound', /below, above, or both/],
  'delay-as-number': ['links[0].delay', '20', /a time such as "20 ms"/],
  'delay-without-unit': ['links[0].delay', '"20"', /a time such as "20 ms" \(ns, us, ms, s, min or h\)/],
  'duplicate-address': ['hosts.bob.address', '"10.1.0.1/24"', /hosts\.alice has this one/],
  'duplicate-link': ['links[1].name', '"alice-bob"', /a name of its own, for links\[0\] is called so/],
  'duration-of-a-year': ['duration', '"8760 h"', /to 24 h/],
  'gateway-to-nobody': ['hosts.alice.gateway', '"bob"', /no router is on a link of alice/],
  'host-name-with-capital': ['hosts.Carol', '"Carol"', /small letters, digits and hyphens/],
  'hosts-as-list': ['hosts', 'a list of 1', /an object that gives hosts by name/],
  'isolated-host': ['hosts.carol', 'a host without a link', /at least one link/],
  'knob-down-to-zero-delay': ['knobs.delay.range[0]', '"0 ns"', /at links\[0\]\.delay: a time .* from 1 ns/],
  'knob-of-wrong-unit': ['knobs.loss.range[0]', '"0 ns"', /at links\[0\]\.loss: a share/],
  'knob-path-misspelt': ['knobs.loss.sets', '"links[0].los"', /loss perhaps/],
  'knob-path-to-nothing': ['knobs.loss.sets', '"links[3].loss"', /a link of this scenario: links\[0\] or links\.alice-bob/],
  'knob-range-backwards': ['knobs.loss.range', '"20 %" to "0 %"', /the least first/],
  'knob-starts-outside': ['knobs.delay.range', '"20 ms" at links[0].delay', /from 50 ms to 200 ms/],
  'link-to-itself': ['links[0].between', '"alice" at both ends', /two different hosts/],
  'loop-of-switches': ['links[3].between', 'a loop of switches, closed by s3 and s1', /a tree of switches/],
  'loss-over-100-percent': ['links[0].loss', '1.5', /from "0 %" to "100 %".* or a number from 0 to 1/],
  'misspelt-app-option': ['hosts.alice.conections', '2', /connections perhaps/],
  'misspelt-delay': ['links[0].dellay', '"20 ms"', /no key of this name in a link; delay perhaps/],
  'misspelt-link-key': ['links[0].latency', '"20 ms"', /no key of this name in a link; delay perhaps/],
  'missing-app-option': ['hosts.bob.serves', 'nothing', /what is served by path/],
  'missing-id': ['id', 'nothing', /such as "tcp-handshake"/],
  'negative-loss': ['links[0].loss', '"-1 %"', /from "0 %" to "100 %"/],
  'no-links': ['links', 'an empty list', /a list of 1 to/],
  'no-such-address': ['hosts.alice.address', '"10.1.0.256/24"', /such as "10\.0\.0\.1\/24"/],
  'not-an-object': ['', 'a list of 1', /an object with .*hosts, links/],
  'option-of-another-app': ['hosts.alice.serves', 'an object with /', /no key of this name in a host with a browser/],
  'queue-in-bits': ['links[0].queue', '"64 Kbit"', /"64 KiB" or "100 packets"/],
  'rate-in-small-letters': ['links[0].rate', '"10 mbit/s"', /^"10 Mbit\/s" perhaps/],
  'resources-of-an-image': ['hosts.bob.serves["/a.png"].resources', 'a list of 1', /only a page .* this is image\/png/],
  'seed-not-whole': ['seed', '1.5', /a whole number from 0/],
  'switch-with-app': ['hosts.sw.app', '"ping"', /no application on a switch/],
  'three-ends': ['links[0].between[2]', '"carol"', /the two hosts that it joins/],
  'too-many-connections': ['hosts.alice.connections', '7', /a whole number from 1 to 6/],
  'two-servers-on-a-port': ['hosts.bob.apps[1].port', 'tcp 80', /hosts\.bob\.apps\[0\] listens there/],
  'unknown-app': ['hosts.bob.app', '"webserver"', /web-server perhaps; one of browser/],
  'unknown-fault': ['faults[1]', '"explode"', /drop, corrupt, link, cut, kill, pause or machine/],
  'unknown-host-in-link': ['links[0].between[1]', '"bbo"', /bob perhaps; alice or bob/],
  'unknown-step': ['hosts.alice.steps[1].do', '"slep"', /sleep, send, read/],
  'unknown-time-unit': ['links[0].delay', '"20 mss"', /^"20 ms" perhaps/],
  'visit-by-ftp': ['hosts.alice.visits[1].url', '"ftp://bob/"', /"http:\/\/bob\/"/],
  'visit-to-nobody': ['hosts.alice.visits', '"http://bbo/"', /bob perhaps/],
  'zero-delay': ['links[0].delay', '"0 ms"', /from 1 ns to 24 h/],
}

test('every broken file is listed here', () => {
  const files = readdirSync(FOLDER).map((file) => file.replace(/\.json$/, ''))
  assert.deepEqual(files.sort(), Object.keys(BROKEN).sort())
  assert.ok(files.length >= 20)
})

for (const [name, [path, found, allowed]] of Object.entries(BROKEN)) {
  test(`${name}: one message that says where, what and what instead`, () => {
    const source: unknown = JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'))
    const error = refusalOf(() => resolveScenario(source))
    assert.equal(error.path, path)
    assert.equal(error.found, found)
    assert.match(error.allowed, allowed)
    assert.ok(!error.message.includes('\n'), 'one line')
    assert.ok(error.message.startsWith(path === '' ? 'found ' : `${path}: found `))
    assert.ok(error.message.length < 500, error.message)
  })
}
