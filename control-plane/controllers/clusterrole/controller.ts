// Cluster roles with an aggregationRule have the rules of all roles that it selects.
import type { ClusterRole, PolicyRule } from '../../../api/gen/types/rbac.v1.ts';
import { deepEqual, selectorFrom, semanticEqual } from '../../../api/meta/index.ts';
import { RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';

/** In the order of the selectors, of one selector by name, each rule once. Pure. */
function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const rules: PolicyRule[] = [];
  const byName = [...all].sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
  for (const wanted of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const selector = selectorFrom(wanted);
    for (const { metadata, rules: more } of byName) {
      if (metadata.name === role.metadata.name || !selector.matches(metadata.labels)) continue;
      for (const rule of more ?? []) if (!rules.some((other) => deepEqual(other, rule))) rules.push(rule);
    }
  }
  return rules;
}

export const clusterRoleAggregationController: Controller = {
  name: 'clusterrole-aggregation',
  user: account('clusterrole-aggregation-controller'),
  start(context, signal, ready) {
    const roles = context.informers.of<ClusterRole>(RESOURCES.clusterroles);
    const queue = reconcilerOf('clusterrole-aggregation', context, signal, ready, async (name) => {
      const role = roles.get(name);
      if (!role?.aggregationRule) return done;
      const rules = aggregatedRules(role, roles.list());
      if (semanticEqual(rules, role.rules)) return done;
      await context.client.update(RESOURCES.clusterroles, {
        ...role,
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        rules,
      });
      return done;
    });
    const seen = () => {
      for (const role of roles.list()) if (role.aggregationRule) queue.add(role.metadata.name ?? '');
    };
    roles.on({ added: seen, updated: seen, deleted: seen });
  },
};
