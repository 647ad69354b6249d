// The node authorizer: an agent reads what the pods of its node refer to, and no more.
import type { KubeObject } from '../../../api/meta/index.ts';
import { LOCAL_PATH_NODE } from '../../../kit/placement/index.ts';
import type { Reader, UserInfo } from '../request.ts';
import type { Authorizer, Decision, PolicyRule, Question } from './authorizer.ts';
import { type References, referencesOf } from './node-references.ts';
import { ruleAllows } from './rules.ts';

/** What an agent's name begins with, and the group that it must be in. */
export const NODE_PREFIX = 'system:node:';
export const NODES_GROUP = 'system:nodes';
const LEASES_NAMESPACE = 'kube-node-lease';
const core = (plural: string) => ({ group: '', plural });

/** The node's name, when the user is an agent; '' for one without a name. */
export const nodeNameOf = (user: UserInfo): string | undefined =>
  user.name.startsWith(NODE_PREFIX) && user.groups.includes(NODES_GROUP) ? user.name.slice(NODE_PREFIX.length) : undefined;

const allowed: Decision = { allowed: true, reason: '' };
const denied = (reason: string): Decision => ({ allowed: false, reason });

const READ = ['get', 'list', 'watch'];

class NodeQuestion {
  readonly #reader: Reader;
  readonly #node: string;
  readonly #question: Question;
  constructor(reader: Reader, node: string, question: Question) {
    this.#reader = reader;
    this.#node = node;
    this.#question = question;
  }

  #pods(namespace: string | undefined): readonly KubeObject[] {
    const pods = this.#reader.podsOf(this.#node);
    return namespace ? pods.filter(({ metadata }) => metadata.namespace === namespace) : pods;
  }

  #unrelated(): Decision {
    return denied(`no relationship found between node '${this.#node}' and this object`);
  }

  #referred(kind: keyof References): Decision {
    const { namespace, name } = this.#question;
    return this.#pods(namespace).some((pod) => referencesOf(pod)[kind].has(name)) ? allowed : this.#unrelated();
  }

  readReferred(kind: keyof References): Decision {
    const { verb, name, subresource } = this.#question;
    if (!READ.includes(verb) || subresource !== '') return denied('can only read resources of this type');
    if (name === '') return denied('No Object name found');
    const direct = this.#referred(kind);
    return direct.allowed || kind !== 'secrets' || !this.#neededByVolume() ? direct : allowed;
  }

  /** Secrets that a driver needs to mount the volumes behind the pods' claims. */
  #neededByVolume(): boolean {
    const { namespace, name } = this.#question;
    return this.#pods(undefined).some((pod) =>
      [...referencesOf(pod).persistentvolumeclaims].some((claimName) => {
        const claim = this.#reader.get(core('persistentvolumeclaims'), pod.metadata.namespace ?? '', claimName);
        const csi = this.#reader.get(core('persistentvolumes'), '', claim?.['spec']?.volumeName ?? '')?.['spec']?.csi;
        const refs = [csi?.nodeStageSecretRef, csi?.nodePublishSecretRef, csi?.nodeExpandSecretRef];
        return refs.some((ref) => ref?.name === name && ref?.namespace === namespace);
      }),
    );
  }

  /** Watched too, so that a volume grows at once (upstream's agents may only get a claim, and do so once a minute). */
  claim(): Decision {
    const { verb, subresource, name } = this.#question;
    const writesStatus = subresource === 'status' && ['get', 'update', 'patch'].includes(verb);
    if (!writesStatus && !(READ.includes(verb) && subresource === '')) return denied('can only get individual resources of this type');
    return name === '' ? denied('No Object name found') : this.#referred('persistentvolumeclaims');
  }

  volume(): Decision {
    const { verb, name, subresource } = this.#question;
    const volume = this.#reader.get(core('persistentvolumes'), '', name);
    // Folders of this node: its agent follows them to the end, and says by a finalizer when they are gone.
    if (subresource === '' && [...READ, 'patch'].includes(verb) && volume?.metadata.labels?.[LOCAL_PATH_NODE] === this.#node)
      return allowed;
    if (verb !== 'get') return denied('can only get individual resources of this type');
    const claim = volume?.['spec']?.claimRef;
    const used = claim && this.#pods(claim.namespace).some((pod) => referencesOf(pod).persistentvolumeclaims.has(claim.name));
    return used ? allowed : this.#unrelated();
  }

  attachment(): Decision {
    const { verb, name } = this.#question;
    if (verb !== 'get') return denied('can only get individual resources of this type');
    const attachment = this.#reader.get({ group: 'storage.k8s.io', plural: 'volumeattachments' }, '', name);
    return attachment?.['spec']?.nodeName === this.#node ? allowed : this.#unrelated();
  }

  serviceAccount(): Decision {
    const { verb, subresource } = this.#question;
    if (subresource === 'token' && verb !== 'create') return denied('can only create tokens for individual service accounts');
    if (subresource === '' && verb !== 'get') return denied('can only get individual resources of this type');
    return this.#referred('serviceaccounts');
  }

  lease(): Decision {
    const { verb, namespace, name } = this.#question;
    if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb))
      return denied('can only get, create, update, patch, or delete a node lease');
    if (namespace !== LEASES_NAMESPACE) return denied(`can only access leases in the "${LEASES_NAMESPACE}" system namespace`);
    // A create has no name yet: admission looks at the object.
    return verb === 'create' || name === this.#node
      ? allowed
      : denied('can only access node lease with the same name as the requesting node');
  }

  csiNode(): Decision {
    const { verb, name } = this.#question;
    if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb))
      return denied('can only get, create, update, patch, or delete a CSINode');
    return verb === 'create' || name === this.#node ? allowed : denied('can only access CSINode with the same name as the requesting node');
  }

  node(): Decision {
    const { verb, name, subresource } = this.#question;
    if (!READ.includes(verb)) return ['create', 'update', 'patch'].includes(verb) ? allowed : denied('');
    if (subresource !== '' && subresource !== 'status') return denied('');
    if (name === '') return denied(`node '${this.#node}' cannot read all nodes, only its own Node object`);
    return name === this.#node ? allowed : denied(`node '${this.#node}' cannot read '${name}', only its own Node object`);
  }

  pod(): Decision {
    const { verb, namespace, name, subresource, fields } = this.#question;
    if (verb === 'get')
      return this.#reader.get(core('pods'), namespace, name)?.['spec']?.nodeName === this.#node ? allowed : this.#unrelated();
    if (verb === 'list' || verb === 'watch') {
      const chosen = fields?.find(({ field }) => field === 'spec.nodeName');
      return chosen?.value === this.#node ? allowed : denied('can only list/watch pods with spec.nodeName field selector');
    }
    const writes = subresource === 'status' ? ['update', 'patch'] : subresource === 'eviction' ? ['create'] : ['create', 'delete'];
    return writes.includes(verb) ? allowed : denied('');
  }
}

/** By `group/resource`: who decides. Everything else is up to the rules of the role system:node. */
const deciders: Readonly<Record<string, (question: NodeQuestion) => Decision>> = {
  '/secrets': (q) => q.readReferred('secrets'),
  '/configmaps': (q) => q.readReferred('configmaps'),
  '/persistentvolumeclaims': (q) => q.claim(),
  '/persistentvolumes': (q) => q.volume(),
  '/serviceaccounts': (q) => q.serviceAccount(),
  '/nodes': (q) => q.node(),
  '/pods': (q) => q.pod(),
  'coordination.k8s.io/leases': (q) => q.lease(),
  'storage.k8s.io/csinodes': (q) => q.csiNode(),
  'storage.k8s.io/volumeattachments': (q) => q.attachment(),
};

/** Asks the node authorizer for agents; what it does not allow, and everybody else, is up to `others`. */
export function withNodes(others: Authorizer, reader: Reader, nodeRules: readonly PolicyRule[]): Authorizer {
  function decide(question: Question, node: string): Decision {
    if (node === '') return denied(`unknown node for user ${JSON.stringify(question.user.name)}`);
    const decider = deciders[`${question.group}/${question.resource}`];
    if (decider) return decider(new NodeQuestion(reader, node, question));
    return nodeRules.some((rule) => ruleAllows(rule, question)) ? allowed : denied('');
  }
  return {
    authorize(question) {
      const node = question.isResource ? nodeNameOf(question.user) : undefined;
      const own = node === undefined ? undefined : decide(question, node);
      if (own?.allowed) return own;
      const decision = others.authorize(question);
      return decision.allowed || !own ? decision : own;
    },
    rulesFor: (user, namespace) => [...(nodeNameOf(user) ? nodeRules : []), ...others.rulesFor(user, namespace)],
  };
}
