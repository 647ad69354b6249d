// Behaviours of the kinds of admissionregistration.k8s.io/v1.
import {
  mutatingAdmissionPolicy,
  mutatingAdmissionPolicyBinding,
  validatingAdmissionPolicy,
  validatingAdmissionPolicyBinding,
} from './admissionregistration/policies.ts';
import { mutatingWebhookConfiguration, validatingWebhookConfiguration } from './admissionregistration/webhooks.ts';
import type { Behaviours } from './behaviours.ts';

export const admissionregistration: Behaviours = {
  MutatingAdmissionPolicy: mutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding: mutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration: mutatingWebhookConfiguration,
  ValidatingAdmissionPolicy: validatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding: validatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration: validatingWebhookConfiguration,
};
