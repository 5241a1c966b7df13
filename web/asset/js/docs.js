// The readable page of the JSON interface.
import SwaggerUIBundle from 'swagger-ui-dist/swagger-ui-bundle.js'

SwaggerUIBundle({ url: '/api/openapi.json', dom_id: '#docs', deepLinking: true })
