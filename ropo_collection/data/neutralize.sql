-- A copy of a database reaches nobody: no keys, every company off.
UPDATE res_company
   SET ropo_environment = 'off',
       maventa_company_uuid = NULL,
       maventa_user_api_key = NULL,
       maventa_vendor_api_key = NULL,
       maventa_ax_url = NULL,
       maventa_receivables_url = NULL,
       ropo_homes = NULL;
