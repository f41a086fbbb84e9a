-- A copy of a database reaches nobody: no keys, every company off.
UPDATE res_company
   SET ropo_environment = 'off',
       maventa_company_uuid = NULL,
       maventa_user_api_key = NULL,
       maventa_vendor_api_key = NULL,
       maventa_ax_url = NULL,
       maventa_receivables_url = NULL,
       ropo_homes = NULL;
-- Nor does a copy need anybody's personal identity number.
UPDATE res_partner SET ropo_personal_id = NULL WHERE ropo_personal_id IS NOT NULL;
UPDATE ropo_assignment_payer SET ssn = NULL WHERE ssn IS NOT NULL;
UPDATE ropo_transfer_payer SET ssn = NULL WHERE ssn IS NOT NULL;
DELETE FROM ropo_sandbox;
