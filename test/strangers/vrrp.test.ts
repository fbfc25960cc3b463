import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inLab, type Lab } from './lab.ts'

/** A simulated host that shares an address with whoever is on the other end of its line, by priority 100. */
const scenario = {
  id: 'shared',
  title: 'An address that is shared with keepalived',
  hosts: {
    real: { address: '10.0.0.1/24' },
    ours: {
      address: '10.0.0.2/24',
      apps: [
        { app: 'vrrp', vrid: 51, virtual: ['10.0.0.100'], interval: '500 ms', priority: 100 },
        { app: 'web-server', serves: { '/': '3 B' } },
      ],
    },
  },
  links: [{ between: ['real', 'ours'], delay: '1 ms', rate: '100 Mbit/s' }],
}

const configuration = (priority: number, more = ''): string => `
global_defs {
  router_id real
  vrrp_version 3
  enable_script_security
}
vrrp_instance shared {
  interface eth0
  state BACKUP
  virtual_router_id 51
  priority ${String(priority)}
  advert_int 0.5
  ${more}
  virtual_ipaddress {
    10.0.0.100/24
  }
}
`

/** Runs keepalived in the foreground until the end; its log is `keepalived.log`. */
function keepalived(lab: Lab, priority: number): void {
  const file = lab.file('keepalived.conf', configuration(priority))
  const files = ['-p', `${lab.folder}/k.pid`, '-r', `${lab.folder}/v.pid`]
  lab.background('keepalived', ['-n', '-l', '-D', '-P', '-f', file, ...files], 'keepalived.log')
}

const states = (events: readonly { name: string; data: Readonly<Record<string, unknown>> }[]): string[] =>
  events.filter(({ name }) => name === 'vrrp:state-changed').map(({ data }) => `${String(data['state'])} ${String(data['why'])}`)

/** Waits until the address is ours: its web server answers. */
const untilOurs = (lab: Lab): Promise<void> =>
  lab.untilPrinted('sh', ['-c', 'curl -s -m 1 -o /dev/null -w "%{http_code}" http://10.0.0.100/ || true'], '200')

test('keepalived of higher priority takes the address from us, and when it ends we have it again', async () => {
  await inLab(async (lab) => {
    await lab.start(scenario, 'real')
    await untilOurs(lab)
    keepalived(lab, 200)
    await lab.until('keepalived.log', 'Entering MASTER STATE', 30)
    await lab.untilPrinted('ip', ['address', 'show', 'dev', 'eth0'], '10.0.0.100')
    await lab.run('sh', ['-c', 'kill "$(cat k.pid)"'])
    await untilOurs(lab)
    const { events } = await lab.finish()
    assert.deepEqual(states(events), ['BACKUP startup', 'ACTIVE silence', 'BACKUP better-router', 'ACTIVE resignation'])
    const complaints = events.filter(({ name }) => name === 'vrrp:discarded' || name === 'vrrp:mismatched')
    assert.deepEqual(complaints, [])
  })
})

test('keepalived of lower priority listens to us', async () => {
  await inLab(async (lab) => {
    await lab.start(scenario, 'real')
    keepalived(lab, 50)
    await lab.until('keepalived.log', 'Entering BACKUP STATE', 30)
    await untilOurs(lab)
    // For longer than it would wait for who is silent, or not believed.
    await new Promise((done) => setTimeout(done, 4000))
    await untilOurs(lab)
    const log = (await lab.run('cat', ['keepalived.log'])).out
    assert.equal(/checksum|Entering MASTER STATE/.test(log), false, log)
    const { events } = await lab.finish()
    assert.deepEqual(states(events), ['BACKUP startup', 'ACTIVE silence'])
  })
})
