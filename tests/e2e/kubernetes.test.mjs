// infra/k8s says the same as compose.yaml, the image and the services themselves: a service, setting or volume that is missing in one of them is found here.
import test, { describe } from 'node:test'
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import yaml from 'js-yaml'
import { SERVICES } from '../support/parley.mjs'
import { build, root } from '../support/process.mjs'

const read = path => readFileSync(join(root, path), 'utf8')
const documents = path => yaml.loadAll(read(path)).filter(Boolean)
const env = path => Object.fromEntries([...read(path).matchAll(/^([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(([, name, value]) => [name, value]))
const folder = name => {
  const kustomization = yaml.load(read(`infra/k8s/${name}/kustomization.yaml`))
  return { kustomization, resources: kustomization.resources.filter(file => file.endsWith('.yaml')).flatMap(file => documents(`infra/k8s/${name}/${file}`)) }
}
const ofKind = (resources, kind) => Object.fromEntries(resources.filter(resource => resource.kind === kind).map(resource => [resource.metadata.name, resource]))
const container = workload => workload.spec.template.spec.containers[0]
const named = ({ podSelector: { matchLabels, matchExpressions } }) => {
  return matchExpressions ? matchExpressions[0].values : [matchLabels['app.kubernetes.io/name']]
}

const compose = yaml.load(read('compose.yaml')).services
const services = folder('services')
const servers = folder('servers')
const deployments = ofKind(services.resources, 'Deployment')
const policies = ofKind(services.resources, 'NetworkPolicy')
const common = documents('infra/k8s/services/common.yaml')[0]
const image = read('infra/docker/Dockerfile')

/** Of each service the settings that it reads, by its --help: name -> whether it is secret. */
const settings = Object.fromEntries(SERVICES.map(service => {
  const help = execFileSync(join(build, 'bin', service), ['--help'], { encoding: 'utf8' })
  return [service, Object.fromEntries([...help.matchAll(/^ {2}([A-Z][A-Z0-9_]+) .*\n +\((secret )?/gm)].map(([, name, secret]) => [name, Boolean(secret)]))]
}))
const secretsOf = service => Object.keys(settings[service]).filter(name => settings[service][name]).sort()
const known = new Set(SERVICES.flatMap(service => Object.keys(settings[service])))
const secrets = new Set(SERVICES.flatMap(secretsOf))

describe('the services', () => {
  test('every one has a Deployment of the image that compose.yaml builds, and there is no other', () => {
    assert.deepEqual(Object.keys(deployments).sort(), [...SERVICES].sort())
    for (const service of SERVICES) {
      assert.equal(container(deployments[service]).image, compose[service].image)
      assert.equal(container(deployments[service]).name, 'service', 'common.yaml finds it by that name')
      assert.deepEqual(deployments[service].spec.selector.matchLabels, { 'app.kubernetes.io/name': service })
      assert.deepEqual(deployments[service].spec.template.metadata.labels, { 'app.kubernetes.io/name': service })
    }
  })

  test('every file of a folder is named in its kustomization', () => {
    for (const [name, { kustomization }] of Object.entries({ services, servers })) {
      const used = [...kustomization.resources, ...(kustomization.patches ?? []).map(({ path }) => path), 'kustomization.yaml'].filter(file => !file.startsWith('..'))
      assert.deepEqual(readdirSync(join(root, 'infra/k8s', name)).filter(file => file.endsWith('.yaml')).sort(), used.sort())
    }
  })

  test('each is given the secrets that it reads, from the keys of their names, and no other variable of its own', () => {
    for (const service of SERVICES) {
      const given = container(deployments[service]).env ?? []
      assert.deepEqual(given.map(({ name }) => name).sort(), secretsOf(service), service)
      for (const { name, valueFrom } of given) assert.deepEqual(valueFrom.secretKeyRef, { name: 'secrets', key: name, optional: true })
    }
  })

  test('each has the volumes that it has in compose.yaml, at the same place, and the claim is there', () => {
    const claims = ofKind(services.resources, 'PersistentVolumeClaim')
    for (const service of SERVICES) {
      const pod = deployments[service].spec.template.spec
      assert.deepEqual((container(deployments[service]).volumeMounts ?? []).map(({ name, mountPath }) => `${name}:${mountPath}`), compose[service].volumes ?? [], service)
      for (const { name, persistentVolumeClaim } of pod.volumes ?? []) {
        assert.equal(persistentVolumeClaim.claimName, name)
        assert.ok(claims[name])
      }
    }
  })

  test('user, admin port and probes are the image\'s', () => {
    const pod = common.spec.template.spec
    const [service] = pod.containers
    assert.equal(pod.securityContext.runAsUser, Number(image.match(/^USER (\d+)$/m)[1]))
    assert.deepEqual(service.ports, [{ name: 'admin', containerPort: Number(image.match(/ADMIN_PORT=(\d+)/)[1]) }])
    assert.deepEqual(service.readinessProbe.httpGet, { path: '/readyz', port: 'admin' })
    assert.deepEqual(service.livenessProbe.httpGet, { path: '/healthz', port: 'admin' })
    assert.deepEqual(service.envFrom, [{ configMapRef: { name: services.kustomization.configMapGenerator[0].name } }])
  })

  test('each asks for memory and has a limit; those of several copies, and no others, keep one while nodes are emptied', () => {
    for (const service of SERVICES) {
      const { requests, limits } = container(deployments[service]).resources
      assert.ok(parseInt(requests.memory) <= parseInt(limits.memory) && requests.cpu && !limits.cpu, service)
    }
    const kept = ofKind(services.resources, 'PodDisruptionBudget')
    assert.deepEqual(Object.keys(kept).sort(), SERVICES.filter(service => deployments[service].spec.replicas > 1).sort())
    for (const [name, { spec }] of Object.entries(kept)) assert.deepEqual(spec.selector.matchLabels, { 'app.kubernetes.io/name': name })
  })
})

describe('the settings', () => {
  const base = env('infra/k8s/services/settings.env')
  const example = env('infra/k8s/example/settings.env')

  test('what compose.yaml fixes is fixed to the same', () => {
    const fixed = Object.assign({}, ...SERVICES.map(service => compose[service].environment))
    for (const name in fixed) {
      const value = fixed[name].replace(/^\$\{ENVIRONMENT:-(.*)\}$/, '$1')
      if (!value.includes('${')) assert.equal(base[name], value, name)
    }
  })

  test('every name is a setting and none is a secret', () => {
    for (const name of [...Object.keys(base), ...Object.keys(example)]) {
      assert.ok(known.has(name), name)
      assert.ok(!secrets.has(name), name)
    }
  })

  test('the example\'s secrets are all that services read, and the server\'s password', () => {
    assert.deepEqual(Object.keys(env('infra/k8s/example/secrets.env')).sort(), [...secrets, 'POSTGRES_PASSWORD'].sort())
  })

  test('the example gives every image its registry', () => {
    const { images } = yaml.load(read('infra/k8s/example/kustomization.yaml'))
    assert.deepEqual(images.map(({ name }) => name).sort(), SERVICES.map(service => compose[service].image).sort())
  })
})

describe('the ways between them', () => {
  test('the database is reached by those that hold its address, the world by those that call somebody, and never both', () => {
    const withDatabase = SERVICES.filter(service => 'DATABASE_URL' in settings[service]).sort()
    const calling = SERVICES.filter(service => Object.keys(settings[service]).some(name => /_BASE_URL$|_S3_ENDPOINT$/.test(name))).sort()
    assert.deepEqual(named(policies['to-database'].spec).sort(), withDatabase)
    assert.deepEqual(named(ofKind(servers.resources, 'NetworkPolicy').postgres.spec.ingress[0].from[0]).sort(), withDatabase)
    assert.deepEqual(named(policies['to-outside'].spec).sort(), calling)
    assert.deepEqual(calling.filter(service => withDatabase.includes(service)), [])
  })

  test('from outside only the gateway is reached, at the port that it listens on', () => {
    const port = Number(env('infra/k8s/services/settings.env').HTTP_PORT)
    assert.deepEqual(named(policies['from-outside'].spec), ['gateway'])
    assert.deepEqual(policies['from-outside'].spec.ingress, [{ ports: [{ port }] }])
    assert.deepEqual(container(deployments.gateway).ports, [{ name: 'http', containerPort: port }])
    assert.deepEqual(ofKind(services.resources, 'Service').gateway.spec.ports, [{ name: 'http', port, targetPort: 'http' }])
    assert.deepEqual(Object.keys(ofKind(services.resources, 'Service')), ['gateway'])
  })
})

describe('the servers', () => {
  const sets = ofKind(servers.resources, 'StatefulSet')

  test('they are compose.yaml\'s, started with the same arguments', () => {
    assert.deepEqual(Object.keys(sets).sort(), Object.keys(compose).filter(name => !SERVICES.includes(name)).sort())
    for (const [name, set] of Object.entries(sets)) {
      const { image, entrypoint, command, environment } = compose[name]
      assert.equal(container(set).image, image.replace(/^\$\{\w+:-(.*)\}$/, '$1'))
      assert.deepEqual([container(set).command, container(set).args], [entrypoint, command])
      for (const [key, value] of Object.entries(environment)) {
        const given = container(set).env.find(variable => variable.name === key)
        assert.ok(value.includes('${') ? given.valueFrom.secretKeyRef.key === key : given.value === value, key)
      }
    }
  })

  test('services find them by the names and ports of settings.env and secrets.env', () => {
    const at = { ...env('infra/k8s/services/settings.env'), ...env('infra/k8s/example/secrets.env') }
    for (const name of ['NATS_URL', 'DATABASE_URL']) {
      const { hostname, port } = new URL(at[name])
      const service = ofKind(servers.resources, 'Service')[hostname]
      assert.equal(service.spec.ports[0].port, Number(port))
      assert.equal(container(sets[hostname]).ports[0].containerPort, Number(port))
      assert.deepEqual(service.spec.selector, sets[hostname].spec.template.metadata.labels)
    }
    assert.equal(new URL(at.DATABASE_URL).password, at.POSTGRES_PASSWORD)
  })
})

// kubectl is no package of Debian 12 that could do it; whoever runs Kubernetes has one.
const kubectl = (...args) => spawnSync('kubectl', args, { encoding: 'utf8' })
const recent = /"kustomizeVersion": "v([5-9]|\d\d)/.test(kubectl('version', '--client', '-o', 'json').stdout)
describe('as kubectl renders it', { skip: !recent && 'there is no kubectl with kustomize 5' }, () => {
  const { stdout, status } = recent ? kubectl('kustomize', join(root, 'infra/k8s/example')) : {}
  const all = status === 0 ? yaml.loadAll(stdout) : []

  test('the example is rendered, all of it in one namespace', () => {
    assert.equal(status, 0)
    for (const { kind, metadata } of all) assert.equal(kind === 'Namespace' ? metadata.name : metadata.namespace, 'parley', kind)
  })

  test('whatever a pod refers to is there', () => {
    for (const workload of all.filter(({ kind }) => ['Deployment', 'StatefulSet'].includes(kind))) {
      const pod = workload.spec.template.spec
      const templates = (workload.spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name)
      const maps = [...(pod.containers[0].envFrom ?? []), ...(pod.volumes ?? [])].map(from => from.configMapRef?.name ?? from.configMap?.name).filter(Boolean)
      for (const name of maps) assert.ok(ofKind(all, 'ConfigMap')[name], name)
      for (const { valueFrom } of pod.containers[0].env ?? [])
        if (valueFrom) assert.ok(valueFrom.secretKeyRef.key in ofKind(all, 'Secret')[valueFrom.secretKeyRef.name].data, valueFrom.secretKeyRef.key)
      for (const { name } of pod.containers[0].volumeMounts ?? []) assert.ok(templates.includes(name) || pod.volumes.some(volume => volume.name === name), name)
    }
  })

  test('common.yaml is laid over every service: settings, probes, no privileges', () => {
    for (const service of SERVICES) {
      const { spec, metadata } = ofKind(all, 'Deployment')[service].spec.template
      assert.equal(metadata.labels['app.kubernetes.io/part-of'], 'parley')
      assert.equal(spec.containers.length, 1)
      assert.ok(spec.containers[0].readinessProbe && spec.containers[0].livenessProbe && spec.securityContext.runAsNonRoot)
      assert.deepEqual(spec.containers[0].securityContext, common.spec.template.spec.containers[0].securityContext)
    }
  })
})
