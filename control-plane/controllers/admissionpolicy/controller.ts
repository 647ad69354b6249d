// Tells in a ValidatingAdmissionPolicy's status what type checks of its expressions found.
import type { ValidatingAdmissionPolicy } from '../../../api/gen/types/admissionregistration.v1.ts';
import type { CustomResourceDefinition } from '../../../api/gen/types/apiextensions.v1.ts';
import { RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';
import { knownTypes } from './known-types.ts';
import { typeWarnings } from './type-check.ts';

export const admissionPolicyController: Controller = {
  name: 'validatingadmissionpolicy-status',
  user: account('validatingadmissionpolicy-status-controller'),
  start(context, signal, ready) {
    const policies = context.informers.of<ValidatingAdmissionPolicy>(RESOURCES.validatingadmissionpolicies);
    const definitions = context.informers.of<CustomResourceDefinition>(RESOURCES.customresourcedefinitions);
    const queue = reconcilerOf('validatingadmissionpolicy-status', context, signal, ready, async (name) => {
      const policy = policies.get(name);
      const { generation = 0, uid } = policy?.metadata ?? {};
      if (!policy || generation <= (policy.status?.observedGeneration ?? 0)) return done;
      const expressionWarnings = typeWarnings(policy.spec ?? {}, knownTypes(definitions.list()));
      // null: the list goes when the last warning goes.
      const typeChecking = { expressionWarnings: expressionWarnings.length > 0 ? expressionWarnings : null };
      const status = { observedGeneration: generation, typeChecking };
      await context.client.patch(
        RESOURCES.validatingadmissionpolicies,
        name,
        'merge',
        { metadata: { uid }, status },
        { subresource: 'status' },
      );
      return done;
    });
    const seen = ({ metadata }: ValidatingAdmissionPolicy) => queue.add(metadata.name ?? '');
    policies.on({ added: seen, updated: (_, policy) => seen(policy) });
  },
};
