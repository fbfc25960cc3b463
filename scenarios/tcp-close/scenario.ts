import { defineScenario } from '../../src/scenario/define.ts'

export default defineScenario({
  id: 'tcp-close',
  title: 'Closing',
  summary: 'x.',
  seed: 1,
  duration: '30 s',
  speed: 0.05,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0, y: 0.5 },
      app: 'socket-script',
      connect: 'bob:80',
      steps: [{ do: 'send', bytes: '300 B' }, { do: 'sleep', for: '400 ms' }, 'shutdown', 'read-to-end', 'close', 'wait-closed'],
      tcp: { timeWait: '2 s' },
    },
    bob: {
      label: 'Bob',
      position: { x: 1, y: 0.5 },
      app: 'socket-script',
      listen: 80,
      steps: ['read-to-end', 'close', 'wait-closed'],
      tcp: { timeWait: '2 s' },
    },
  },
  links: [{ between: ['alice', 'bob'], rate: '10 Mbit/s', delay: '50 ms' }],
  knobs: {
    ending: {
      label: 'How it ends',
      choices: [
        { value: 'four-way', label: 'Alice closes, then Bob' },
        {
          value: 'half-close',
          label: 'Half-close',
          sets: {
            'hosts.bob.steps': [
              'read-to-end',
              { do: 'send', bytes: '3 kB' },
              { do: 'sleep', for: '300 ms' },
              { do: 'send', bytes: '3 kB' },
              'close',
              'wait-closed',
            ],
          },
        },
        {
          value: 'simultaneous',
          label: 'Both at once',
          sets: {
            'hosts.alice.steps': [{ do: 'sleep', for: '450 ms' }, 'close', 'wait-closed'],
            'hosts.bob.steps': [{ do: 'sleep', for: '400 ms' }, 'close', 'wait-closed'],
          },
        },
        { value: 'last-ack', label: 'last ACK lost', sets: { 'links[0].forward.lossList': [6] } },
        { value: 'reset', label: 'Reset', sets: { 'hosts.alice.steps': [{ do: 'send', bytes: '300 B' }, { do: 'sleep', for: '400 ms' }, 'reset'] } },
        { value: 'unread', label: 'Close with unread data', sets: {
          'hosts.alice.steps': [{ do: 'send', bytes: '300 B' }, { do: 'sleep', for: '400 ms' }, 'close', 'wait-closed'],
          'hosts.bob.steps': [{ do: 'send', bytes: '1 kB' }, 'read-to-end', 'close', 'wait-closed'],
         } },
      ],
    },
  },
})
