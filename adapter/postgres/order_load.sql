-- Makes paid orders of one to three of the first products, each with its charge. What they take from stock came in for them, so
-- that there is as much in stock as before.
WITH locked AS MATERIALIZED (
	SELECT id, price FROM product_facts WHERE id IN (SELECT id FROM product_facts ORDER BY id LIMIT 1000) ORDER BY id FOR NO KEY UPDATE
), product AS MATERIALIZED (
	SELECT id, price, row_number() OVER (ORDER BY id) - 1 AS n FROM locked
), made AS MATERIALIZED (
	SELECT i, nextval('orders_number_seq') AS number, now() - i * interval '1 second' AS at FROM generate_series(1, ?) i
), line AS MATERIALIZED (
	SELECT m.number, 'made-' || m.number AS order_id, m.at, position, p.id AS product, g.name, g.currency, p.price
	FROM made m CROSS JOIN LATERAL generate_series(1, 1 + m.i % least(3, (SELECT count(*) FROM product))) position
	JOIN product p ON p.n = (m.number + position) % (SELECT count(*) FROM product) JOIN products g ON g.id = p.id
), placed AS (
	INSERT INTO orders (number, id, owner, email, status, currency, subtotal, shipping, tax, discount, total, shipping_address, payment_method,
		payment_status, payment_last4, placed_at, history, placed_by, key, fingerprint)
	SELECT number, order_id, 'guest:made', 'made@mail.example', 'paid', currency, sum(price), 0, 0, 0, sum(price),
		'{"name": "Made by seed", "line1": "1 High Street", "line2": "", "city": "Springfield", "region": "IL", "postal_code": "62701", "country": "US", "phone": ""}',
		'demo_card', 'paid', '4242', at, jsonb_build_array(jsonb_build_object('status', 'pending', 'at', at), jsonb_build_object('status', 'paid', 'at', at)),
		'guest:made', 'key:' || number, ''
	FROM line GROUP BY number, order_id, currency, at ORDER BY number
), lined AS (
	INSERT INTO order_lines (order_number, position, product_id, name, quantity, unit_price, line_total)
	SELECT number, position, product, name, 1, price, price FROM line ORDER BY number, position
), charged AS (
	INSERT INTO demo_charges (order_id, verdict, amount, currency)
	SELECT order_id, 'charged', sum(price), currency FROM line GROUP BY order_id, currency
), sold AS MATERIALIZED (
	SELECT product, count(*) AS n FROM line GROUP BY product
), moved AS (
	INSERT INTO stock_movements (product_id, delta, reason, order_id, at)
	SELECT product, n, 'received', '', now() FROM sold UNION ALL SELECT product, -1, 'sold', order_id, at FROM line
), counted AS (
	UPDATE product_facts f SET sold = f.sold + s.n FROM sold s WHERE f.id = s.product RETURNING f.id, f.sold
) UPDATE product_popularity p SET sold = c.sold FROM counted c WHERE p.id = c.id
