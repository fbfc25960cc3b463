import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { DOWNLOAD } from '../scenario/scenario-fixture.ts'
import { CAPTURE, CLAIMS, KEY_LOG, QLOG, callCli } from './fake-engine.ts'

const { knobs: _knobs, ...PLAIN } = DOWNLOAD
const FILE = JSON.stringify(PLAIN)

test('list: for people, and as JSON', async () => {
  const people = await callCli(['list'])
  assert.equal(people.out, '  download    A download\n  bold-claim  A bold claim\n')
  const json = await callCli(['list', '--json'])
  assert.deepEqual(JSON.parse(json.out), [
    { id: 'download', title: 'A download', summary: 'One file.' },
    { id: 'bold-claim', title: 'A bold claim', summary: 'It fails.' },
  ])
  assert.deepEqual([people.code, json.code], [0, 0])
})

test('run --json prints one object with everything', async () => {
  const { code, out, err, disposed } = await callCli(['run', 'download', '--json'])
  assert.equal(code, 0)
  assert.equal(err, '')
  assert.equal(out.split('\n').length, 2, 'one line')
  assert.deepEqual(JSON.parse(out), {
    scenario: 'download',
    seed: 7,
    simulatedSeconds: 1.234,
    frames: 5,
    framesLost: { 'random-loss': 2, 'queue-full': 1 },
    packetHops: 1,
    wallSeconds: 0.25,
    claims: [],
    captureSha256: createHash('sha256').update(CAPTURE).digest('hex'),
  })
  assert.equal(disposed, 1)
})

test('run for people: calm, aligned, claims with their evidence', async () => {
  const { code, out } = await callCli(['run', 'bold-claim', '--pcap', 'x.pcapng'])
  assert.equal(code, 1, 'a claim failed')
  assert.equal(
    out,
    `A download (bold-claim, seed 7)

  simulated    1.23 s, in 250 ms of real time
  frames       5, 3 lost: 2 random-loss, 1 queue-full
  packet-hops  1
  capture      sha256 ${createHash('sha256').update(CAPTURE).digest('hex')}
  written      x.pcapng, 9 B

  ✓ The page loads
    the page loaded in 300 ms; claimed: below 1 s
  ✗ Nothing is lost (Murphy)
    3 frames were lost; claimed: below 1
`,
  )
})

test('run passes seed, knobs, duration, placement and budget on to the engine', async () => {
  const args = ['run', 'download', '--seed', '42', '--set', 'loss=2%', '--until', '10 s', '--placement', 'workers']
  const { code, requests } = await callCli([...args, '--max-wall', '5 s', '--max-frames', '1000'])
  assert.equal(code, 0)
  const [{ scenario, placement, budget, interventions }] = requests
  assert.deepEqual([scenario.seed, scenario.duration, placement], [42, 10e9, 'workers'])
  assert.deepEqual(
    scenario.links[0].settings.map(({ loss }) => loss),
    [0.02, 0.02],
  )
  assert.deepEqual(budget, { wallSeconds: 5, frames: 1000 })
  assert.deepEqual(interventions, [])
  const usual = await callCli(['run', 'download'])
  assert.deepEqual([usual.requests[0].placement, usual.requests[0].budget], ['inline', { wallSeconds: 60, frames: 20_000_000 }])
})

test('--set may stand several times; the last word on a knob counts', async () => {
  const { requests } = await callCli(['run', 'download', '--set', 'loss=1%', '--set', 'loss=0.5 %'])
  assert.equal(requests[0].scenario.knobs[0].value, 0.005)
})

test('a scenario file is run, its named claims are judged', async () => {
  const files = { 'mine.json': JSON.stringify({ ...PLAIN, claims: CLAIMS }) }
  const { code, out } = await callCli(['run', 'mine.json', '--json'], { files })
  assert.equal(code, 1)
  const { claims } = JSON.parse(out) as { claims: unknown }
  assert.deepEqual(claims, [
    { says: 'The page loads', cites: '', holds: true, evidence: 'the page loaded in 300 ms; claimed: below 1 s' },
    { says: 'Nothing is lost', cites: 'Murphy', holds: false, evidence: '3 frames were lost; claimed: below 1' },
  ])
})

test('capture and events are written to files', async () => {
  const args = ['run', 'download', '--capture', 'host:bob', '--pcap', 'out.pcapng', '--events', 'out.jsonl']
  const { code, files, captures } = await callCli(args)
  assert.equal(code, 0)
  assert.deepEqual(captures, [{ kind: 'host', host: 'bob' }])
  assert.equal(files.get('out.pcapng'), CAPTURE)
  assert.equal(
    files.get('out.jsonl'),
    '{"time":300000000,"host":"alice","name":"page:loaded","connection":"","data":{"duration":300000000},"id":1,"cause":0}\n',
  )
})

test('a capture of all links is whole when asked; the key log is a file of its own', async () => {
  const { code, files, captures } = await callCli(['run', 'download', '--capture', 'links:whole', '--keys', 'out.keys'])
  assert.equal(code, 0)
  assert.deepEqual(captures, [{ kind: 'links', repeats: 'whole' }])
  assert.equal(files.get('out.keys'), KEY_LOG)
})

test('qlog is a file for each end of each connection of QUIC, in a folder that is made', async () => {
  const { code, out, files, folders } = await callCli(['run', 'download', '--qlog', 'out/logs'])
  assert.equal(code, 0)
  assert.deepEqual(folders, ['out/logs'])
  assert.deepEqual(
    [...files],
    QLOG.map(({ name, text }) => [`out/logs/${name}`, text]),
  )
  assert.match(out, /out\/logs\/alice-client-00\.qlog, 22 B/)
})

test('interventions are read from their file', async () => {
  const files = { 'log.json': '[{"at":"120 ms","drop":{"frame":17}},{"at":"1 s","set":{"knob":"loss","value":"2 %"}}]' }
  const { code, requests } = await callCli(['run', 'download', '--interventions', 'log.json'], { files })
  assert.equal(code, 0)
  assert.deepEqual(requests[0].interventions, [
    { at: 120e6, drop: { frame: 17 } },
    { at: 1e9, set: { knob: 'loss', value: 0.02 } },
  ])
})

test('an intervention that came too late is reported, not hidden', async () => {
  const files = { 'log.json': '[{"at":"120 ms","drop":{"frame":17}}]' }
  const people = await callCli(['run', 'download', '--interventions', 'log.json'], { files })
  assert.match(people.out, /\n {2}not done {5}\{"at":"120 ms","drop":\{"frame":17\}\}: It is gone\.\n/)
  const json = await callCli(['run', 'download', '--interventions', 'log.json', '--json'], { files })
  const { refusedInterventions } = JSON.parse(json.out) as { refusedInterventions: unknown }
  assert.deepEqual(refusedInterventions, [{ intervention: { at: '120 ms', drop: { frame: 17 } }, why: 'It is gone.' }])
})

test('a run over its budget ends with 3, whatever its claims, and prints what there is', async () => {
  const { code, out, err, disposed } = await callCli(['run', 'bold-claim', '--json'], { overBudget: 'more than 1,000 frames' })
  assert.equal(code, 3)
  assert.equal(err, 'packetarium: the run went over its budget: more than 1,000 frames\n')
  assert.equal((JSON.parse(out) as { overBudget: string }).overBudget, 'more than 1,000 frames')
  assert.equal(disposed, 1)
})

test('bad usage ends with 2 and one line that says what is allowed', async () => {
  const cases: [string[], RegExp][] = [
    [['run', 'downlaod'], /scenario: found "downlaod"; allowed: a scenario of the list: download perhaps/],
    [['run', 'nowhere.json'], /nowhere\.json: cannot be read: there is no such file/],
    [['run', 'download', '--seed', '1.5'], /--seed: found "1\.5"; allowed: a whole number/],
    [['run', 'download', '--seed', '-1'], /--seed/],
    [['run', 'download', '--set', 'loss'], /--set: found "loss"; allowed: knob=value/],
    [['run', 'download', '--set', 'los=1%'], /--set: found "los"; allowed: a knob of download: loss perhaps/],
    [['run', 'download', '--set', 'loss=1 ms'], /knobs\.loss: found "1 ms"; allowed: a share/],
    [['run', 'download', '--set', '__proto__=1'], /--set: found "__proto__"/],
    [['run', 'download', '--until', '10'], /--until: found "10"; allowed: a time such as "20 ms"/],
    [['run', 'download', '--until', '0 s'], /--until: found "0 s"; allowed: a time of at least 1 ns/],
    [['run', 'download', '--max-wall', 'long'], /--max-wall: found "long"/],
    [['run', 'download', '--max-frames', '0'], /--max-frames: found "0"/],
    [['run', 'download', '--capture', 'everything'], /--capture: found "everything"; allowed: links, links:whole, or host:NAME/],
    [
      ['run', 'download', '--capture', 'host:bbo'],
      /--capture: found "host:bbo"; allowed: host: and a host of download: bob perhaps/,
    ],
    [['run', 'download', '--placement', 'cloud'], /Allowed choices are inline, workers/],
    [['run', 'download', '--interventions', 'no.json'], /no\.json: cannot be read/],
    [['run'], /missing required argument/],
    [['run', 'download', 'other'], /too many arguments/],
    [['run', 'download', '--colour'], /unknown option '--colour'/],
    [['fly'], /unknown command 'fly'/],
    [['validate', 'nowhere.json'], /nowhere\.json: cannot be read/],
  ]
  for (const [args, message] of cases) {
    const { code, out, err, requests } = await callCli(args)
    assert.equal(code, 2, args.join(' '))
    assert.equal(out, '', args.join(' '))
    assert.match(err, message)
    assert.match(err, /^[^\n]+\n(\(Did you mean [^\n]+\n)?$/, `${args.join(' ')}: one line`)
    assert.equal(requests.length, 0, 'nothing was run')
  }
})

test('a broken interventions file is refused with file, place and reason', async () => {
  const files = { 'log.json': '[{"at":"1 s","kill":"bbo"}]' }
  const { code, err } = await callCli(['run', 'download', '--interventions', 'log.json'], { files })
  assert.equal(code, 2)
  assert.match(err, /^packetarium: log\.json: \[0\]\.kill: found "bbo"; allowed: the name of a host: bob perhaps/)
})

test('a file that is no JSON is refused with line and column', async () => {
  const files = { 'bad.json': '{\n  "id": "x",\n  oops\n}', 'cut.json': '{"id": ', 'empty.json': '' }
  const messages: Record<string, RegExp> = {
    'bad.json': /^packetarium: bad\.json: found no valid JSON at line 3, column 3; allowed: a JSON file\n$/,
    'cut.json': /at line 1, column 8; allowed/,
    'empty.json': /at line 1, column 1; allowed/,
  }
  for (const [path, message] of Object.entries(messages)) {
    const { code, err } = await callCli(['validate', path], { files })
    assert.equal(code, 2)
    assert.match(err, message)
  }
})

test('every broken scenario file: validate and run end with 2 and the same one line', async () => {
  const folder = new URL('../scenario/broken/', import.meta.url)
  for (const name of readdirSync(folder)) {
    const files = { [name]: readFileSync(new URL(name, folder), 'utf8') }
    const [validated, run] = [await callCli(['validate', name], { files }), await callCli(['run', name], { files })]
    assert.deepEqual([validated.code, run.code, validated.out, run.out], [2, 2, '', ''], name)
    assert.match(validated.err, /^packetarium: [^\n]+\n$/)
    assert.ok(validated.err.startsWith(`packetarium: ${name}: `))
    if (!name.startsWith('claim-')) assert.equal(run.err, validated.err)
  }
})

test('validate says what a valid file holds', async () => {
  const { code, out } = await callCli(['validate', 'mine.json'], { files: { 'mine.json': FILE } })
  assert.deepEqual([code, out], [0, 'mine.json: valid: download, 2 hosts, 1 link\n'])
})

test('a file cannot bring code', async () => {
  const { err } = await callCli(['validate', 'x.json'], {
    files: { 'x.json': JSON.stringify({ ...PLAIN, claims: [{ says: 'x', holds: '() => true' }] }) },
  })
  assert.match(err, /claims\[0\]\.measure: found nothing|claims\[0\]\.holds/)
})

test('what cannot be written is said, with 2', async () => {
  const sink = (): never => {
    throw Object.assign(new Error('EACCES'), { code: 'EACCES' })
  }
  const { code, err, disposed } = await callCli(['run', 'download', '--pcap', '/root/x.pcapng'], { sink })
  assert.deepEqual([code, err], [2, 'packetarium: /root/x.pcapng: cannot be written: no permission\n'])
  assert.equal(disposed, 1)
})

test('schema prints the JSON Schema', async () => {
  const { code, out } = await callCli(['schema'])
  assert.equal(code, 0)
  assert.equal((JSON.parse(out) as { title: string }).title, 'Packetarium scenario')
})

test('help and version are no errors; help names every command and exit code', async () => {
  const help = await callCli(['--help'])
  assert.equal(help.code, 0)
  for (const word of ['list', 'run', 'validate', 'schema', 'Exit codes: 0 done, 1 a claim failed'])
    assert.ok(help.out.includes(word), word)
  const run = await callCli(['run', '--help'])
  for (const option of [
    '--seed',
    '--set',
    '--interventions',
    '--until',
    '--pcap',
    '--capture',
    '--events',
    '--placement',
    '--json',
  ]) {
    assert.ok(run.out.includes(option), option)
  }
  assert.deepEqual([(await callCli(['--version'])).out, (await callCli(['--version'])).code], ['1.2.3\n', 0])
  const nothing = await callCli([])
  assert.equal(nothing.code, 2)
  assert.match(nothing.err, /Usage: packetarium/)
})
